import { describe, expect, it } from 'vitest';
import { Cube, readCube, unpack } from '../../../src/views/drift/packed';
import type { IPacked } from '../../../src/views/drift/state';
import * as statistics from '../../../src/views/drift/statistics';
import { sample } from '../../wire';

/** What tests/widgets/drift_statistics.py computed with scipy, scikit-learn and our own engine. */
interface IAnswers {
  number: {
    edges: number[];
    reference: number[];
    counts: number[];
    ks: number;
    wasserstein: number;
    psi: number;
    median: number;
  }[];
  category: {
    reference: number[];
    counts: number[];
    tvd: number;
    expected: number;
    psi: number;
  }[];
  score: ({ counts: number[] } & Record<
    'auc' | 'log_loss' | 'brier' | 'gap' | 'ece' | 'labelled',
    number
  >)[];
  wilson: [number, number, number, number][];
  packed: { packed: IPacked; counts: number[] };
}

const answers = sample('drift_statistics') as unknown as IAnswers;

describe('the statistics of a brushed range', () => {
  it.each(answers.number)('of numbers are those of Python', one => {
    const { reference, counts, edges } = one;
    expect(statistics.kolmogorovSmirnov(reference, counts)).toBeCloseTo(one.ks, 12);
    expect(statistics.wasserstein(reference, counts, edges)).toBeCloseTo(one.wasserstein, 9);
    expect(statistics.populationStability(reference, counts, true)).toBeCloseTo(one.psi, 12);
    expect(statistics.quantile(counts, edges, 0.5)).toBeCloseTo(one.median, 9);
  });

  it.each(answers.category)('of categories are those of Python', one => {
    const { reference, counts } = one;
    expect(statistics.totalVariation(reference, counts)).toBeCloseTo(one.tvd, 12);
    expect(statistics.expectedVariation(reference, counts)).toBeCloseTo(one.expected, 12);
    expect(statistics.populationStability(reference, counts, false)).toBeCloseTo(one.psi, 12);
  });

  it.each(answers.score)('of scores are those of scikit-learn', one => {
    const found = statistics.score(statistics.splitScores(one.counts));
    for (const key of ['auc', 'log_loss', 'brier', 'gap', 'ece', 'labelled'] as const) {
      expect(found[key], key).toBeCloseTo(one[key], 10);
    }
  });

  it('have the intervals of Wilson', () => {
    for (const [k, n, low, high] of answers.wilson) {
      const [, from, until] = statistics.wilson(k, n);
      expect(from).toBeCloseTo(low, 6);
      expect(until).toBeCloseTo(high, 6);
    }
  });

  it('are 0 on themselves, and nothing without rows', () => {
    const counts = [3, 0, 5, 1];
    const edges = [0, 1, 2, 3, 4];
    expect(statistics.kolmogorovSmirnov(counts, counts)).toBe(0);
    expect(statistics.wasserstein(counts, counts, edges)).toBe(0);
    expect(statistics.populationStability(counts, counts, true)).toBe(0);
    const none = [0, 0, 0, 0];
    expect(statistics.kolmogorovSmirnov(counts, none)).toBeNull();
    expect(statistics.wasserstein(none, counts, edges)).toBeNull();
    expect(statistics.totalVariation(none, none)).toBeNull();
    expect(statistics.quantile(none, edges, 0.5)).toBeNull();
    const nobody = statistics.score(statistics.splitScores([0, 0, 4, 0, 0, 2]));
    expect([nobody.labelled, nobody.unlabelled, nobody.auc, nobody.gap]).toEqual([
      0,
      6,
      null,
      null
    ]);
  });

  it('stay finite where bins have no end', () => {
    const edges = [-Infinity, 0, 1, Infinity];
    expect(statistics.wasserstein([1, 2, 3], [3, 2, 1], edges)).toBeGreaterThan(0);
    expect(statistics.quantile([5, 1, 0], edges, 0.5)).toBe(0);
    expect(statistics.quantile([0, 1, 5], edges, 0.9)).toBe(1);
  });
});

describe('packed counts', () => {
  const { packed, counts } = answers.packed;

  it('are read as Python wrote them', async () => {
    expect([...(await unpack(packed))]).toEqual(counts);
  });

  it('add up over any range', async () => {
    const cube = new Cube(Uint32Array.from([1, 2, 3, 4, 5, 6]), 2);
    expect(cube.chunks).toBe(3);
    expect([...cube.window(0, 2)]).toEqual([9, 12]);
    expect([...cube.window(1, 1)]).toEqual([3, 4]);
  });

  it('are refused where they are not what they say', async () => {
    await expect(readCube({ ...packed, data: btoa('no deflate') })).rejects.toThrow();
    await expect(unpack({ ...packed, shape: [1] })).rejects.toThrow('more counts');
    await expect(unpack({ ...packed, shape: [5_000] })).rejects.toThrow('fewer counts');
    await expect(unpack({ ...packed, shape: [1e9, 1e9] })).rejects.toThrow('unknown form');
  });
});
