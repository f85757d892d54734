import { describe, expect, it } from 'vitest';
import { heightOf } from '../../../src/views/report/frames';

describe('what a sandboxed page says', () => {
  it('is its height, and nothing else is listened to', () => {
    expect(heightOf({ mlopsLabHeight: 120.2 })).toBe(121);
    expect(heightOf({ mlopsLabHeight: 1e9 })).toBe(20_000);
    for (const said of [null, 'x', {}, { mlopsLabHeight: '1' }, { mlopsLabHeight: -1 }, NaN]) {
      expect(heightOf(said)).toBeNull();
    }
  });
});
