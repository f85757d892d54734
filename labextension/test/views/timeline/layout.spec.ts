import { expect, it } from 'vitest';
import { layout } from '../../../src/views/timeline/layout';
import type { ITimelineStep } from '../../../src/views/timeline/layout';

function step(id: string, started: number | null, ended: number | null): ITimelineStep {
  const status = started === null ? 'scheduled' : ended === null ? 'running' : 'finished';
  return { id, name: id, detail: '', status, started, ended, result: '' };
}

it('lays steps out from the start of the first', () => {
  const steps = [step('prepare', 1_000, 11_000), step('train', 11_000, 31_000)];
  const { bars, links, end, ticks } = layout(steps, 300, 99_000);
  expect(bars.map(bar => [bar?.x, bar?.width, bar?.seconds])).toEqual([
    [0, 100, 10],
    [100, 200, 20]
  ]);
  expect(links).toEqual([[100, 0]]);
  expect(end).toBe(300);
  expect(ticks.map(tick => tick.seconds)).toEqual([0, 10, 20, 30]);
});

it('lets a running step reach now, and leaves out what has not begun', () => {
  const { bars } = layout([step('a', 0, null), step('b', null, null)], 100, 5_000);
  expect(bars[0]).toMatchObject({ width: 100, seconds: 5 });
  expect(bars[1]).toBeNull();
});

it('links no steps that overlap', () => {
  expect(layout([step('a', 0, 10_000), step('b', 5_000, 9_000)], 100, 0).links).toEqual([]);
});

it.each([0, 1, 50, 3_600_000, 86_400_000 * 9])('has 2 to 8 ticks for %d ms', length => {
  const { ticks, bars } = layout([step('a', 0, length)], 420, 0);
  expect(ticks.length).toBeGreaterThanOrEqual(2);
  expect(ticks.length).toBeLessThanOrEqual(8);
  expect(bars[0]?.width).toBeGreaterThanOrEqual(3);
});

it('is empty before the first step', () => {
  expect(layout([step('a', null, null)], 100, 0)).toMatchObject({ bars: [null], end: 0 });
});

it('keeps room behind the last step', () => {
  expect(layout([step('a', 0, 1_000)], 400, 0, 100).end).toBe(300);
});
