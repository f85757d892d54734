import { describe, expect, it } from 'vitest';
import {
  align,
  charts,
  clock,
  extent,
  nearest,
  splitOf,
  tickLabels
} from '../../../src/views/curves/series';
import type { ISeries, WireNumber } from '../../../src/views/curves/state';

function series(key: string, values: WireNumber[], steps?: (number | null)[]): ISeries {
  return {
    key,
    values,
    steps: steps ?? values.map((_, i) => i),
    times_ms: values.map((_, i) => 1_000_000 + 500 * i),
    n: values.length,
    downsampled: false
  };
}

const [one] = charts([series('loss', [1])]);
const options = { x: 'step', origin: null, log: false } as const;

describe('charts', () => {
  it.each([
    ['val/loss', 'loss', 'val'],
    ['loss_train', 'loss', 'train'],
    ['train/log_loss', 'log_loss', 'train'],
    ['loss', 'loss', null],
    ['evaluate', 'evaluate', null],
    ['retrain_loss', 'retrain_loss', null]
  ])('reads the split of %s', (key, base, split) => {
    expect(splitOf(key)).toEqual({ base, split });
  });

  it('puts the splits of a metric into one chart, what judges first', () => {
    const [loss, auc] = charts(['train/loss', 'auc', 'val/loss'].map(key => series(key, [1, 2])));
    expect(loss.title).toBe('loss');
    expect(loss.lines.map(line => [line.label, line.color, line.dashed])).toEqual([
      ['val', 1, false],
      ['train', 2, true]
    ]);
    expect(auc.lines.map(line => line.label)).toEqual(['auc']);
  });

  it('names a metric of one split in full', () => {
    expect(charts([series('val/loss', [1, 2])])[0].title).toBe('val/loss');
  });

  it('has a colour for any number of lines', () => {
    const keys = [
      'loss',
      'val/loss',
      'test/loss',
      'dev/loss',
      'eval/loss',
      'valid/loss',
      'train/loss'
    ];
    const [chart] = charts(keys.map(key => series(key, [1, 2])));
    expect(chart.lines.map(line => line.color)).toEqual([1, 2, 3, 4, 5, 1, 2]);
  });
});

describe('align', () => {
  it('lays lines with other steps beside each other', () => {
    const [chart] = charts([series('loss', [1, 2], [0, 10]), series('val/loss', [3], [5])]);
    expect(align(chart, options)).toMatchObject({
      xs: [0, 5, 10],
      ys: [
        [1, undefined, 2],
        [undefined, 3, undefined]
      ]
    });
  });

  it('breaks the line where a value is not finite, and marks it', () => {
    const [chart] = charts([series('loss', [1, 'NaN', 'Infinity', Number.NaN, null, 2])]);
    const { ys, marks } = align(chart, options);
    expect(ys).toEqual([[1, null, null, null, null, 2]]);
    expect(marks.map(mark => [mark.x, mark.value])).toEqual([
      [1, 'NaN'],
      [2, 'Infinity'],
      [3, 'NaN']
    ]);
  });

  it('lets the last of several points at one step count, and orders steps', () => {
    const [chart] = charts([series('loss', [1, 'NaN', 3, 4], [2, 2, 2, 1])]);
    expect(align(chart, options)).toMatchObject({ xs: [1, 2], ys: [[4, 3]], marks: [] });
  });

  it('counts what a logarithmic axis cannot show', () => {
    const [chart] = charts([series('loss', [0, -1, 10])]);
    expect(align(chart, { ...options, log: true })).toMatchObject({
      ys: [[null, null, 10]],
      hidden: 2
    });
  });

  it('measures time from the start of the run, in seconds', () => {
    const [chart] = charts([series('loss', [1, 2])]);
    expect(align(chart, { ...options, x: 'time', origin: 999_000 }).xs).toEqual([1, 1.5]);
    expect(align(chart, { ...options, x: 'time' }).xs).toEqual([0, 0.5]);
  });

  it('uses the order where no step was given', () => {
    const [chart] = charts([series('loss', [5, 6], [null, null])]);
    expect(align(chart, options).xs).toEqual([0, 1]);
  });
});

it('finds the nearest point of a line, or none', () => {
  expect(nearest([1, undefined, undefined, 2], 1)).toBe(0);
  expect(nearest([1, undefined, undefined, 2], 2)).toBe(3);
  expect(nearest([null, undefined], 0)).toBeNull();
});

it('knows the ends of a line among values that are not finite', () => {
  const found = extent(series('loss', ['NaN', 3, 1, 'Infinity', 2, null]));
  expect(found).toEqual({ first: 1, last: 4, lowest: 2, highest: 1 });
  expect(extent(series('loss', ['NaN', null]))).toBeNull();
  expect(one.lines).toHaveLength(1);
});

it.each([
  [
    [0.45, 0.5, 0.55],
    ['0.45', '0.50', '0.55']
  ],
  [
    [-1, 0, 1],
    ['−1', '0', '1']
  ],
  [
    [0, 50, 100],
    ['0', '50', '100']
  ],
  [
    [1e-7, 2e-7],
    ['1e-7', '2e-7']
  ],
  [
    [1e6, 2e6],
    ['1e6', '2e6']
  ]
])('labels the ticks %j alike', (ticks, labels) => {
  expect(tickLabels(ticks)).toEqual(labels.map(label => label.replace(/^-/, '−')));
});

it.each([
  [0, '0:00'],
  [64, '1:04'],
  [3723, '1:02:03'],
  [-5, '−0:05']
])('writes %d s as %s', (seconds, text) => {
  expect(clock(seconds)).toBe(text);
});
