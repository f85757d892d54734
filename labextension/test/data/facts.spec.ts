import { describe, expect, it } from 'vitest';
import type { IColumnProfile } from '../../src/api/data';
import { ColumnProfile, DatasetVersion } from '../../src/api/data';
import { decode } from '../../src/api/request';
import {
  binsOf,
  blockingCheck,
  bySeverity,
  columnsLike,
  distinctText,
  overlay,
  placeOf,
  shareText,
  timeSpan,
  topShares,
  typeText,
  valueText,
  worstFirst
} from '../../src/data/view/facts';
import { sample } from '../wire';

function column(part: Partial<IColumnProfile>): IColumnProfile {
  return {
    ...decode(ColumnProfile, {
      name: 'x',
      type: 'DOUBLE',
      kind: 'number',
      count: 100,
      missing: 0,
      quantiles: {},
      top: [],
      not_finite: 0
    }),
    ...part
  };
}

const blocked = decode(DatasetVersion, sample('dataset_version_blocked'));

describe('a histogram', () => {
  it('has its far values in a bin of their own', () => {
    const wind = blocked.profile!.columns.find(one => one.name === 'wind_speed')!;
    const bins = binsOf(wind);
    expect(bins.at(-1)).toMatchObject({ far: true, to: 1048.3606 });
    expect(bins.slice(0, -1).every(bin => !bin.far)).toBe(true);
    expect(bins.reduce((sum, bin) => sum + bin.count, 0)).toBe(wind.count);
  });

  it('of one bin, or none, is no special case', () => {
    expect(binsOf(column({ histogram: null }))).toEqual([]);
    expect(binsOf(column({ histogram: { edges: [7, 7], counts: [100] } }))).toEqual([
      { from: 7, to: 7, count: 100, far: false }
    ]);
  });

  it('lies on an axis by the time of its edges', () => {
    expect(placeOf('2013-01-01T00:00:00')).toBe(Date.UTC(2013, 0, 1));
    expect(placeOf('2013-01-01')).toBe(Date.UTC(2013, 0, 1));
    expect(placeOf('2013-01-01T00:00:00Z')).toBe(Date.UTC(2013, 0, 1));
    expect(placeOf('9223372036854775807')).toBeCloseTo(2 ** 63, -3);
  });
});

describe('two histograms on one axis', () => {
  const before = column({ histogram: { edges: [0, 10, 20], counts: [50, 50] } });

  it('are shares per unit, so that wider bins and more rows make no taller bars', () => {
    const after = column({ count: 400, histogram: { edges: [0, 20, 40], counts: [400, 0] } });
    const laid = overlay(before, after)!;
    expect([laid.from, laid.to]).toEqual([0, 40]);
    expect(laid.before[0].height).toBeCloseTo(laid.after[0].height);
  });

  it('are not squeezed by one far value', () => {
    const edges = [0, 10, 20, 30, 1048];
    const laid = overlay(before, column({ histogram: { edges, counts: [40, 40, 19, 1] } }))!;
    expect(laid.to).toBe(30);
    // What is left out is told.
    expect(laid.beyond.before).toBe(0);
    expect(laid.beyond.after).toBeCloseTo(0.01);
  });

  it('are none where one has none', () => {
    expect(overlay(before, column({ histogram: null }))).toBeNull();
  });

  it('of a single value each can be drawn', () => {
    const one = column({ histogram: { edges: [5, 5], counts: [10] } });
    const laid = overlay(one, one)!;
    expect(laid.before.every(step => Number.isFinite(step.height))).toBe(true);
  });
});

describe('a type', () => {
  it('is a word, even where there is no value at all', () => {
    expect(typeText(column({ type: 'TIMESTAMP' }))).toBe('timestamp');
    expect(typeText(column({ type: '"NULL"' }))).toBe('null');
  });
});

describe('frequent values', () => {
  it('of two versions are shares of what is there, the largest first', () => {
    const before = column({ kind: 'category', top: [['EWR', 60]] });
    const after = column({
      kind: 'category',
      count: 200,
      top: [
        ['JFK', 150],
        ['EWR', 50]
      ]
    });
    expect(topShares(before, after)).toEqual([
      { value: 'JFK', before: 0, after: 0.75 },
      { value: 'EWR', before: 0.6, after: 0.25 }
    ]);
  });
});

describe('numbers and times', () => {
  it.each([
    [0.41, 'number', '0.41'],
    [-9.94, 'number', '−9.94'],
    [1048.3606, 'number', '1,048'],
    [0, 'number', '0'],
    [100, 'number', '100'],
    ['9223372036854775807', 'number', '9223372036854775807'],
    ['2013-01-01T05:00:00', 'time', '2013-01-01 05:00'],
    ['2013-01-01T00:00:00', 'time', '2013-01-01'],
    ['2013-01-01T05:00:07.250000', 'time', '2013-01-01 05:00:07.25'],
    ['2013-01-01T05:00:00Z', 'time', '2013-01-01 05:00Z'],
    ['2013-01-01T05:00:00', 'text', '2013-01-01T05:00:00'],
    [true, 'boolean', 'true'],
    [null, 'number', '–']
  ] as const)('%j of a %s column is %s', (value, kind, text) => {
    expect(valueText(value, kind)).toBe(text);
  });

  it('of a year are told by the day, of a morning by the minute', () => {
    expect(timeSpan('2013-01-01T05:00:00', '2013-12-31T05:00:00')).toBe('2013-01-01 · 2013-12-31');
    expect(timeSpan('2013-01-01T05:00:00', '2013-01-01T07:30:00')).toBe(
      '2013-01-01 05:00 · 2013-01-01 07:30'
    );
  });

  it('never call a little nothing', () => {
    expect(shareText(0)).toBe('0 %');
    expect(shareText(0.00001)).toBe('<0.1 %');
    expect(shareText(0.99999)).toBe('>99.9 %');
    expect(shareText(1)).toBe('100 %');
  });

  it('say that they are estimates', () => {
    expect(distinctText(column({ distinct: 1_204_000, approximate: true }))).toBe('~1,204,000');
    expect(distinctText(column({ distinct: null }))).toBe('–');
  });
});

describe('columns', () => {
  const columns = [
    column({ name: 'temp_10', missing: 5 }),
    column({ name: 'temp_9', distinct: 7 }),
    column({ name: 'origin', type: 'VARCHAR', distinct: 3 })
  ];
  const names = (...args: [string, Parameters<typeof columnsLike>[2]]): string[] =>
    columnsLike(columns, ...args).map(one => one.name);

  it('are found by every word, in name or type', () => {
    expect(names('TEMP', 'data')).toEqual(['temp_10', 'temp_9']);
    expect(names('varchar', 'data')).toEqual(['origin']);
    expect(names('temp varchar', 'data')).toEqual([]);
  });

  it('are put in order without touching the profile', () => {
    expect(names('', 'name')).toEqual(['origin', 'temp_9', 'temp_10']);
    expect(names('', 'missing')[0]).toBe('temp_10');
    expect(names('', 'distinct')[0]).toBe('temp_9');
    expect(columns[0].name).toBe('temp_10');
  });
});

describe('reports', () => {
  it('begin with what failed, and what blocks', () => {
    const [report] = worstFirst(blocked.reports);
    expect(report.state).toBe('blocked');
    expect(bySeverity(report.checks)[0].column).toBe('wind_speed');
  });

  it('name the check that blocks a version', () => {
    expect(blockingCheck(blocked)).toMatchObject({ suite: 'weather', more: 0 });
    expect(blockingCheck(decode(DatasetVersion, sample('dataset_version')))).toBeNull();
  });
});
