/*
 * The statistics of a brushed range, from counts in at most 64 bins. Python has the same from a finer
 * grid with a certificate; here they come at once. tests/wire/drift_statistics.json holds both to
 * the same numbers.
 */
import type { Interval } from './state';

type Counts = ArrayLike<number>;

/** The normal distribution's 97.5 %: for intervals of 95 %. */
const Z = 1.959964;
/** A bin without rows counts as this share: PSI has no logarithm of nothing. */
const PSI_FLOOR = 1e-4;
const PSI_GROUPS = 10;

export function total(counts: Counts): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i += 1) {
    sum += counts[i];
  }
  return sum;
}

/**
 * The greatest difference between two distribution functions, at the bins' edges: between them it may
 * be greater, so the truth is at least this. Null without rows.
 */
export function kolmogorovSmirnov(reference: Counts, current: Counts): number | null {
  const [n, m] = [total(reference), total(current)];
  if (n === 0 || m === 0) {
    return null;
  }
  let [r, c, most] = [0, 0, 0];
  for (let i = 0; i < reference.length; i += 1) {
    r += reference[i];
    c += current[i];
    most = Math.max(most, Math.abs(r / n - c / m));
  }
  return most;
}

/**
 * The Wasserstein distance, the rows of a bin spread evenly over it; bins without an end count as
 * points at their edge. Null without rows. In units of the edges.
 */
export function wasserstein(
  reference: Counts,
  current: Counts,
  edges: readonly number[]
): number | null {
  const [n, m] = [total(reference), total(current)];
  if (n === 0 || m === 0) {
    return null;
  }
  let [before, area] = [0, 0];
  for (let i = 0; i < reference.length; i += 1) {
    const after = before + reference[i] / n - current[i] / m;
    const width = edges[i + 1] - edges[i];
    if (Number.isFinite(width)) {
      area += width * meanSize(before, after);
    }
    before = after;
  }
  return area;
}

/** The mean of |x| on the line from `a` to `b`. */
function meanSize(a: number, b: number): number {
  return a * b >= 0 ? Math.abs(a + b) / 2 : (a * a + b * b) / (2 * Math.abs(a - b));
}

/** The population stability index over the tenths of the reference, or over categories as they are. */
export function populationStability(
  reference: Counts,
  current: Counts,
  grouped: boolean
): number | null {
  const [n, m] = [total(reference), total(current)];
  if (n === 0 || m === 0) {
    return null;
  }
  const groups = grouped ? tenths(reference, n) : null;
  const count = groups === null ? reference.length : groups[groups.length - 1] + 1;
  const [p, q] = [new Float64Array(count), new Float64Array(count)];
  for (let i = 0; i < reference.length; i += 1) {
    const group = groups === null ? i : groups[i];
    p[group] += reference[i] / n;
    q[group] += current[i] / m;
  }
  let sum = 0;
  for (let i = 0; i < count; i += 1) {
    if (p[i] > 0 || q[i] > 0) {
      const [a, b] = [p[i] || PSI_FLOOR, q[i] || PSI_FLOOR];
      sum += (b - a) * Math.log(b / a);
    }
  }
  return sum;
}

/** Which group a bin is in when the reference is cut at its tenths. */
function tenths(reference: Counts, n: number): number[] {
  const cuts = new Set<number>();
  let [cumulated, q] = [0, 1];
  for (let i = 0; i < reference.length && q < PSI_GROUPS; i += 1) {
    cumulated += reference[i];
    // A tenth of the rows may be missing to rounding alone.
    while (q < PSI_GROUPS && cumulated >= (n * q) / PSI_GROUPS - 1e-9 * n) {
      cuts.add(i);
      q += 1;
    }
  }
  const groups: number[] = [];
  let group = 0;
  for (let i = 0; i < reference.length; i += 1) {
    groups.push(group);
    group += cuts.has(i) && i < reference.length - 1 ? 1 : 0;
  }
  return groups;
}

/** The share of rows that would have to change their category. */
export function totalVariation(reference: Counts, current: Counts): number | null {
  const [n, m] = [total(reference), total(current)];
  if (n === 0 || m === 0) {
    return null;
  }
  let sum = 0;
  for (let i = 0; i < reference.length; i += 1) {
    sum += Math.abs(reference[i] / n - current[i] / m);
  }
  return sum / 2;
}

/** What the total variation is without any drift, for that many rows: always more than nothing. */
export function expectedVariation(reference: Counts, current: Counts): number {
  const [n, m] = [total(reference), total(current)];
  let sum = 0;
  for (let i = 0; i < reference.length; i += 1) {
    const p = (reference[i] + current[i]) / (n + m);
    sum += Math.sqrt((2 / Math.PI) * p * (1 - p) * (1 / n + 1 / m));
  }
  return sum / 2;
}

/** The value below which a share `q` of the rows is, its bin's rows spread evenly. */
export function quantile(counts: Counts, edges: readonly number[], q: number): number | null {
  const n = total(counts);
  let before = 0;
  for (let i = 0; i < counts.length && n > 0; i += 1) {
    if (counts[i] > 0 && before + counts[i] >= q * n) {
      const [low, high] = [edges[i], edges[i + 1]];
      const share = (q * n - before) / counts[i];
      return Number.isFinite(low)
        ? Number.isFinite(high)
          ? low + share * (high - low)
          : low
        : high;
    }
    before += counts[i];
  }
  return null;
}

/** Counts of score bins × (0, 1, none), as one array per label. */
export interface IScores {
  negative: Float64Array;
  positive: Float64Array;
  unlabelled: Float64Array;
}

export function splitScores(counts: Counts): IScores {
  const bins = Math.floor(counts.length / 3);
  const of = (label: number) =>
    Float64Array.from({ length: bins }, (_, i) => counts[3 * i + label]);
  return { negative: of(0), positive: of(1), unlabelled: of(2) };
}

/** The performance over labelled rows, the scores of a bin taken as its middle. */
export interface IScored {
  labelled: number;
  unlabelled: number;
  positive_share: number | null;
  mean_score: number | null;
  /** Mean score − share of positives. */
  gap: number | null;
  auc: number | null;
  log_loss: number | null;
  brier: number | null;
  ece: number | null;
}

export function score({ negative, positive, unlabelled }: IScores): IScored {
  const bins = negative.length;
  const [n0, n1] = [total(negative), total(positive)];
  const n = n0 + n1;
  let [scores, loss, brier, ece, below, wins] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < bins; i += 1) {
    const s = (i + 0.5) / bins;
    const [zero, one] = [negative[i], positive[i]];
    scores += (zero + one) * s;
    loss -= one * Math.log(s) + zero * Math.log(1 - s);
    brier += one * (1 - s) ** 2 + zero * s ** 2;
    ece += Math.abs((zero + one) * s - one);
    wins += one * (below + zero / 2);
    below += zero;
  }
  const mean = (sum: number) => (n === 0 ? null : sum / n);
  return {
    labelled: n,
    unlabelled: total(unlabelled),
    positive_share: mean(n1),
    mean_score: mean(scores),
    gap: mean(scores - n1),
    auc: n0 === 0 || n1 === 0 ? null : wins / (n0 * n1),
    log_loss: mean(loss),
    brier: mean(brier),
    ece: mean(ece)
  };
}

/** Wilson's interval of 95 % for a share of `k` in `n`. */
export function wilson(k: number, n: number): Interval {
  if (n === 0) {
    return [null, null, null];
  }
  const p = k / n;
  const middle = (p + (Z * Z) / (2 * n)) / (1 + (Z * Z) / n);
  const half = (Z * Math.sqrt((p * (1 - p)) / n + (Z * Z) / (4 * n * n))) / (1 + (Z * Z) / n);
  return [p, Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** The share of positives per group of score bins, with its interval. */
export function calibration(
  { negative, positive }: IScores,
  groups = 10
): { score: number; share: number; n: number; low: number; high: number }[] {
  const bins = negative.length;
  const found = [];
  for (let g = 0; g < groups; g += 1) {
    let [n, k, scores] = [0, 0, 0];
    for (
      let i = Math.round((g * bins) / groups);
      i < Math.round(((g + 1) * bins) / groups);
      i += 1
    ) {
      n += negative[i] + positive[i];
      k += positive[i];
      scores += (negative[i] + positive[i]) * ((i + 0.5) / bins);
    }
    if (n > 0) {
      const [share, low, high] = wilson(k, n) as [number, number, number];
      found.push({ score: scores / n, share, n, low, high });
    }
  }
  return found;
}
