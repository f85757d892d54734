import { describe, expect, it } from 'vitest';
import { linkTo, readLink } from '../src/links';

const KEY = '0123456789ab';

describe('a link', () => {
  it.each([
    ['run', '5f0c'.repeat(8)],
    ['dataset', 'flights@3'],
    ['dataset', 'größe.1-2@12'],
    ['model', 'flight-delay']
  ] as const)('to a %s leads to %s', (kind, what) => {
    const { search } = new URL(linkTo('http://lab/', KEY, kind, what));
    expect(readLink(search, kind)).toEqual({ project: KEY, what });
    expect(readLink(`?token=x&${search.slice(1)}&more`, kind)).toEqual({ project: KEY, what });
  });

  it('is none of another kind, of no project, or that cannot be read', () => {
    expect(readLink(`?mlops=${KEY}/run/5f0c`, 'dataset')).toBeNull();
    expect(readLink('?mlops=../dataset/flights', 'dataset')).toBeNull();
    expect(readLink(`?mlops=${KEY}/dataset/%E0%A4%A`, 'dataset')).toBeNull();
  });
});
