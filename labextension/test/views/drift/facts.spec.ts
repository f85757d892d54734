import { describe, expect, it } from 'vitest';
import { Evaluation } from '../../../src/api/monitoring';
import { decode } from '../../../src/api/request';
import { rangeAfter } from '../../../src/views/drift/brush';
import {
  brushed,
  chosenIncident,
  limitOf,
  lookAt,
  rangeText,
  referenceText,
  spanText,
  step
} from '../../../src/views/drift/facts';
import { placeFlags } from '../../../src/views/drift/flags';
import { ALARM, BLANK, cellsOf, HATCH, QUALITY } from '../../../src/views/drift/matrix-paint';
import { areaPath, linePath, naturalBands, plottable } from '../../../src/views/drift/metrics';
import { chunkAt, edge, middle, scaleOf, ticksOf } from '../../../src/views/drift/scale';
import { NO_SELECTION } from '../../../src/views/drift/state';
import type { IChunk, IColumn, IEvaluation } from '../../../src/views/drift/state';
import { referenceOf } from '../../../src/views/drift/window';
import { plain } from '../../../src/views/text';
import { sample } from '../../wire';

const evaluation: IEvaluation = decode(Evaluation, sample('evaluation'));
const [temp] = evaluation.columns;

describe('flags above the timeline', () => {
  it('never collide, and stay near their place', () => {
    let seed = 1;
    const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    for (let round = 0; round < 40; round += 1) {
      const flags = Array.from({ length: 1 + Math.floor(random() * 30) }, () => ({
        x: 100 + 600 * random(),
        width: 18 + 20 * random()
      }));
      const { placed, hidden } = placeFlags(flags, 100, 700, 3);
      expect(placed.length + hidden.length).toBe(flags.length);
      for (const one of placed) {
        expect(one.left).toBeGreaterThanOrEqual(100);
        expect(one.left + one.flag.width).toBeLessThanOrEqual(703);
        expect(Math.abs(one.left + one.flag.width / 2 - one.flag.x)).toBeLessThan(45);
        for (const other of placed) {
          const apart =
            other === one ||
            other.lane !== one.lane ||
            other.left >= one.left + one.flag.width ||
            one.left >= other.left + other.flag.width;
          expect(apart).toBe(true);
        }
      }
    }
  });

  it('of neighbouring weeks stand beside each other', () => {
    const flags = [204, 220, 236].map(x => ({ x, width: 18 }));
    const { placed, hidden } = placeFlags(flags, 100, 700, 3);
    expect(hidden).toEqual([]);
    expect(placed.map(one => one.lane)).toEqual([0, 0, 0]);
  });
});

describe('what a range is compared with', () => {
  const chunks = ['1', '1', '4'].map(version => ({ ...evaluation.chunks[0], version }));
  const reference = { ...evaluation.reference, told: 'what delay@9 was trained on' };
  const told = { ...evaluation, chunks, reference };

  it('is named by the versions that answered in it', () => {
    const own = { ...temp, reference_counts: { 1: [3], 4: [5], 9: [7] } };
    expect(referenceText(told, own, { from: 0, until: 1 })).toBe('what delay@1 was trained on');
    expect(referenceText(told, own, { from: 1, until: 2 })).toBe('what delay@1, 4 was trained on');
    const one = { ...temp, reference_counts: [3] };
    expect(referenceText(told, one, { from: 0, until: 1 })).toBe('what delay@9 was trained on');
  });
});

describe('the time axis', () => {
  const days = (count: number): IChunk[] =>
    Array.from({ length: count }, (_, i) => {
      const key = new Date(Date.UTC(2012, 11, 20 + i)).toISOString().slice(0, 10);
      return { ...evaluation.chunks[0], key, label: key };
    });

  it('finds the chunk at a place, and the place of a chunk', () => {
    const scale = scaleOf(800, 365, 112);
    for (const chunk of [0, 1, 200, 364]) {
      expect(chunkAt(scale, middle(scale, chunk))).toBe(chunk);
    }
    expect(chunkAt(scale, 0)).toBe(0);
    expect(chunkAt(scale, 9_999)).toBe(364);
    expect(edge(scale, 365)).toBeLessThanOrEqual(800);
  });

  it('names months with the year where that changes, days where months are few', () => {
    const year = ticksOf(days(365), 'day', 3).map(tick => tick.label);
    expect(year[0]).toBe('Jan 2013');
    expect(year).toContain('Jul');
    expect(ticksOf(days(10), 'day', 60).map(tick => tick.label)[0]).toBe('20 Dec');
    const counted = days(4).map((chunk, i) => ({ ...chunk, key: `000${i}`, label: `${i}` }));
    expect(ticksOf(counted, 'size', 60).map(tick => tick.label)).toEqual(['1', '2', '3', '4']);
  });

  it('leaves out labels that have no room', () => {
    const ticks = ticksOf(days(365), 'day', 0.3);
    const gaps = ticks.slice(1).map((tick, i) => (tick.chunk - ticks[i].chunk) * 0.3);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(28);
  });
});

describe('a range', () => {
  it('follows the keys and stays inside', () => {
    expect(rangeAfter('[', false, null, 10)).toEqual({ from: 9, until: 9 });
    expect(rangeAfter('[', false, { from: 0, until: 1 }, 10)).toEqual({ from: 0, until: 1 });
    expect(rangeAfter(']', false, { from: 3, until: 4 }, 10)).toEqual({ from: 4, until: 5 });
    expect(rangeAfter('ArrowRight', true, { from: 8, until: 9 }, 10)).toEqual({
      from: 8,
      until: 9
    });
    expect(rangeAfter('ArrowLeft', true, { from: 8, until: 9 }, 10)).toEqual({
      from: 7,
      until: 9
    });
    expect(rangeAfter('ArrowLeft', false, { from: 8, until: 9 }, 10)).toBeUndefined();
    expect(rangeAfter('[', false, null, 0)).toBeUndefined();
  });

  it('of a saved selection is put in order', () => {
    expect(brushed({ ...NO_SELECTION, from: 99, until: -3 }, 10)).toEqual({ from: 0, until: 9 });
    expect(brushed({ ...NO_SELECTION, from: 1.5, until: 2.7 }, 10)).toEqual({ from: 1, until: 2 });
    expect(brushed({ ...NO_SELECTION, from: NaN, until: 2 }, 10)).toBeNull();
    expect(brushed(NO_SELECTION, 10)).toBeNull();
  });

  it('is said in words', () => {
    expect(spanText('1 to 7 April', '8 to 14 April')).toBe('1 to 14 April');
    expect(spanText('22 to 28 April', '29 April to 5 May')).toBe('22 April to 5 May');
    expect(spanText('16 September', '28 September')).toBe('16 to 28 September');
    expect(spanText('30 April', '2 May')).toBe('30 April to 2 May');
    expect(spanText('rows 1', 'rows 9')).toBe('rows 1 to rows 9');
    expect(rangeText(evaluation, { from: 0, until: 1 }, plain)).toBe('1 to 14 April, 2 chunks');
    expect(rangeText(evaluation, null, plain)).toBe('all 10 chunks');
  });
});

describe('the colours of the matrix', () => {
  it('say how far above the natural range a chunk is', () => {
    expect([0.01, 0.1, 0.35].map(value => step(value, 0.4))).toEqual([0, 1, 2]);
    expect([0.41, 0.45, 0.6].map(value => step(value, 0.4))).toEqual([3, 4, 5]);
    expect(step(0, 0)).toBe(0);
  });

  it('never begin below the level of a warning', () => {
    const calm: IColumn = { ...temp, natural: 0.001 };
    expect(limitOf(calm, 'effect')).toBe(temp.warn);
    expect(limitOf({ ...calm, natural: null }, 'effect')).toBe(temp.warn);
    expect(limitOf({ ...calm, natural: 'Infinity' }, 'effect')).toBe(temp.warn);
  });

  it('mark alarms, few rows, quality and what is not there', () => {
    const one: IColumn = {
      ...temp,
      natural: 0.2,
      states: 'oash-q',
      effect: [0.1, 0.5, 0.1, 0.1, null, 0.9]
    };
    const cells = [...cellsOf([one], 6, 'effect')];
    expect(cells).toEqual([1, 5 + ALARM, 1 + HATCH, 1 + HATCH, BLANK, QUALITY]);
  });
});

describe('lines', () => {
  it('break where nothing is known', () => {
    const x = (i: number) => i;
    expect(linePath([1, null, 2, 3], x, y => y)).toBe('M0 1h.01M2 2L3 3');
    expect(linePath(['NaN', 'Infinity'], x, y => y)).toBe('');
    expect(areaPath([0, null, 1, 1], [1, 1, 2, 2], x, y => y)).toBe('M0 1L0 0ZM2 2L3 2L3 1L2 1Z');
  });

  it('draw what was natural for each version of the model', () => {
    const { auc } = evaluation.performance!.metrics;
    const band = (low: number) => ({ low, high: 1, median: 1 });
    const [spring, summer] = [band(0.6), band(0.7)];
    expect(naturalBands({ ...auc, natural: summer, naturals: [] }, 3)).toEqual([
      { first: 0, count: 3, low: 0.7, high: 1 }
    ]);
    const naturals = [spring, spring, null, summer];
    expect(naturalBands({ ...auc, natural: summer, naturals }, 4)).toEqual([
      { first: 0, count: 2, low: 0.6, high: 1 },
      { first: 3, count: 1, low: 0.7, high: 1 }
    ]);
  });

  it('of shares have what was predicted beside them', () => {
    const [first, second] = plottable(evaluation.performance!);
    expect(first.key).toBe('positive_share');
    expect(second.key).toBe('auc');
    expect(first.estimated.some(value => value !== null)).toBe(true);
    expect(plottable(evaluation.performance!).map(one => one.key)).not.toContain('mean_score');
  });
});

const place = (key: string) => evaluation.chunks.findIndex(chunk => chunk.key === key);
const span = ({ first, last }: { first: string; last: string }) => ({
  from: place(first),
  until: place(last)
});

describe('incidents', () => {
  it('lead to their chunks and their feature', () => {
    const drift = evaluation.alerts.find(one => one.kind === 'drift')!;
    expect(lookAt(evaluation, drift)).toMatchObject({ column: drift.columns[0], ...span(drift) });
    const performance = evaluation.alerts.find(one => one.kind === 'performance')!;
    expect(lookAt(evaluation, performance)).not.toHaveProperty('column');
    const fairness = evaluation.alerts.find(one => one.kind === 'fairness')!;
    expect(lookAt(evaluation, fairness).part).toBe('fairness');
  });

  it('are found by what a link or a host calls them', () => {
    const [, second] = evaluation.alerts;
    const named = (alert: string) => chosenIncident(evaluation, { ...NO_SELECTION, alert });
    expect(named(second.key)).toBe(second);
    expect(named(`${second.key}@${second.first}`)).toBe(second);
    expect(chosenIncident({ ...evaluation, alerts: [] }, NO_SELECTION)).toBeNull();
    // Without a choice it is the first, not the first that opened no alert.
    const over = evaluation.alerts.map((one, i) => ({
      ...one,
      open: false,
      id: i === 0 ? 'a' : null
    }));
    expect(chosenIncident({ ...evaluation, alerts: over }, NO_SELECTION)).toBe(over[0]);
  });
});

describe('a reference by model version', () => {
  it('is a mixture in the shares in which the versions answered', () => {
    const versions = { 1: [10, 0], 2: [0, 1_000] };
    const column: IColumn = { ...temp, reference_counts: versions };
    const chunks = ['1', '1', '2', null].map((version, i) => ({
      ...evaluation.chunks[i],
      rows: 100,
      version
    }));
    const of = (from: number, until: number) =>
      Array.from(referenceOf({ ...evaluation, chunks }, column, { from, until }) ?? []);
    expect(of(0, 1)).toEqual([10, 0]);
    expect(of(2, 2)).toEqual([0, 1_000]);
    const [first, second] = of(0, 2);
    expect(first / (first + second)).toBeCloseTo(2 / 3, 12);
    expect(of(3, 3)).toEqual([10, 0]);
  });
});
