import { at, finite } from './facts';
import type { IRange } from './facts';
import type { Cube } from './packed';
import { readCube, unpack } from './packed';
import type { IColumn, IEvaluation, IWindow, IWindowColumn } from './state';
import {
  expectedVariation,
  kolmogorovSmirnov,
  populationStability,
  quantile,
  score,
  splitScores,
  total,
  totalVariation,
  wasserstein
} from './statistics';
import type { IScored, IScores } from './statistics';

/** The counts of an evaluation, unpacked. */
export interface ICubes {
  columns: ReadonlyMap<string, Cube>;
  /** Score bins × labels. */
  scores: Cube | null;
  referenceScores: IScores | null;
  /** The columns whose counts cannot be read. */
  broken: readonly string[];
}

/** Unpack all counts of an evaluation; what cannot be read is left out and named. */
export async function readCubes(evaluation: IEvaluation): Promise<ICubes> {
  const columns = new Map<string, Cube>();
  const broken: string[] = [];
  const chunks = evaluation.chunks.length;
  await Promise.all(
    evaluation.columns.map(async column => {
      if (column.counts === null) {
        return;
      }
      try {
        const cube = await readCube(column.counts);
        if (cube.chunks !== chunks || cube.width !== binCount(column)) {
          throw new Error('The counts are of another shape.');
        }
        columns.set(column.name, cube);
      } catch {
        broken.push(column.name);
      }
    })
  );
  const { performance } = evaluation;
  let [scores, referenceScores]: [Cube | null, IScores | null] = [null, null];
  try {
    const packed = performance?.counts ?? null;
    const cube = packed === null ? null : await readCube(packed);
    scores = cube !== null && cube.chunks === chunks && cube.width % 3 === 0 ? cube : null;
    const reference = performance?.reference_counts ?? null;
    referenceScores = reference === null ? null : splitScores(await unpack(reference));
  } catch {
    broken.push(performance?.score ?? 'score');
  }
  return { columns, scores, referenceScores, broken };
}

function binCount({ bins }: IColumn): number {
  return bins.kind === 'number'
    ? Math.max(0, bins.edges.length - 1)
    : bins.values.length + Number(bins.other) + Number(bins.new);
}

/** A column over a range of chunks. */
export interface IColumnWindow {
  effect: number | null;
  /** Certified: from the whole profile. `chunk`: the chunk's own. `bins`: at least this. */
  source: 'certified' | 'chunk' | 'bins' | 'none';
  effectLow: number | null;
  effectHigh: number | null;
  wasserstein: number | null;
  psi: number | null;
  missing: number | null;
  median: number | null;
  /** Rows by bin, of the window and of what it is compared with; null where nobody kept them. */
  counts: ArrayLike<number> | null;
  reference: ArrayLike<number> | null;
}

export interface IWindowValues {
  range: IRange;
  rows: number;
  columns: ReadonlyMap<string, IColumnWindow>;
  scored: IScored | null;
  scores: IScores | null;
}

/** The edges of a column's bins as numbers. */
export function edgesOf(column: IColumn): number[] {
  return column.bins.kind === 'number' ? column.bins.edges.map(Number) : [];
}

/** Compute every column and the performance over a range of chunks, from the counts at hand. */
export function windowOf(
  evaluation: IEvaluation,
  cubes: ICubes,
  range: IRange,
  certified: IWindow | null
): IWindowValues {
  const { chunks } = evaluation;
  const rows = chunks.slice(range.from, range.until + 1).map(chunk => chunk.rows);
  const known = new Map((certified?.columns ?? []).map(one => [one.name, one]));
  const columns = new Map<string, IColumnWindow>();
  for (const column of evaluation.columns) {
    const cube = cubes.columns.get(column.name);
    const own = known.get(column.name);
    columns.set(column.name, columnWindow(evaluation, column, cube, range, rows, own));
  }
  // Of several classes or a number the cube has errors, no scores of late and on time.
  const binary = evaluation.performance?.kind === 'binary';
  const scores =
    cubes.scores === null || certified?.segment || !binary
      ? null
      : splitScores(cubes.scores.window(range.from, range.until));
  return {
    range,
    rows: rows.reduce((sum, n) => sum + n, 0),
    columns,
    scores,
    scored: binary ? performanceOf(scores, certified) : null
  };
}

function columnWindow(
  evaluation: IEvaluation,
  column: IColumn,
  cube: Cube | undefined,
  range: IRange,
  rows: readonly number[],
  certified: IWindowColumn | undefined
): IColumnWindow {
  const reference = referenceOf(evaluation, column, range);
  if (certified !== undefined) {
    const bins = binCount(column);
    return {
      effect: finite(certified.effect),
      effectLow: finite(certified.effect_low),
      effectHigh: finite(certified.effect_high),
      source: 'certified',
      wasserstein: finite(certified.wasserstein),
      psi: finite(certified.psi),
      missing: finite(certified.missing),
      median: finite(certified.median),
      counts: certified.counts.length === bins ? certified.counts : null,
      reference
    };
  }
  const counts = cube === undefined ? null : cube.window(range.from, range.until);
  if (range.from !== range.until) {
    return new FromBins(column, reference, counts, () => weighted(column, range, rows));
  }
  const chunk = range.from;
  const effect = at(column.effect, chunk);
  return {
    effect,
    effectLow: null,
    effectHigh: null,
    source: effect === null ? 'none' : 'chunk',
    wasserstein: at(column.wasserstein, chunk),
    psi: at(column.psi, chunk),
    missing: at(column.missing, chunk),
    median: at(column.median, chunk),
    counts,
    reference
  };
}

/** A column over several chunks: the ranking takes the effects of all, a picture the rest of few. */
class FromBins implements IColumnWindow {
  constructor(
    private _column: IColumn,
    readonly reference: ArrayLike<number> | null,
    readonly counts: ArrayLike<number> | null,
    private _weigh: () => number | null
  ) {
    const known = reference !== null && counts !== null && _column.measure !== 'auc';
    this.source = known ? 'bins' : 'none';
    this.effect = known ? effectOf(_column, reference, counts) : null;
  }

  readonly source: 'bins' | 'none';
  readonly effect: number | null;
  readonly effectLow = null;
  readonly effectHigh = null;

  get missing(): number | null {
    return this._weigh();
  }

  get psi(): number | null {
    return this._of((reference, counts) =>
      populationStability(reference, counts, this._column.bins.kind === 'number')
    );
  }

  get wasserstein(): number | null {
    const sigma = finite(this._column.reference.std);
    const distance = this._of((reference, counts, edges) =>
      edges === null ? null : wasserstein(reference, counts, edges)
    );
    return distance === null || sigma === null || sigma === 0 ? null : distance / sigma;
  }

  get median(): number | null {
    return this._of((_, counts, edges) => (edges === null ? null : quantile(counts, edges, 0.5)));
  }

  private _of(
    compute: (
      reference: ArrayLike<number>,
      counts: ArrayLike<number>,
      edges: readonly number[] | null
    ) => number | null
  ): number | null {
    const { reference, counts } = this;
    const edges = this._column.bins.kind === 'number' ? edgesOf(this._column) : null;
    return this.source === 'none' || reference === null || counts === null
      ? null
      : compute(reference, counts, edges);
  }
}

function effectOf(
  column: IColumn,
  reference: ArrayLike<number>,
  counts: ArrayLike<number>
): number | null {
  if (column.measure !== 'tvd') {
    return kolmogorovSmirnov(reference, counts);
  }
  const raw = totalVariation(reference, counts);
  return raw === null ? null : Math.max(0, raw - expectedVariation(reference, counts));
}

/**
 * What a range is compared with: the reference of the model version that answered, and of several
 * versions a mixture of theirs, in the shares in which they answered.
 */
export function referenceOf(
  evaluation: IEvaluation,
  column: IColumn,
  range: IRange
): ArrayLike<number> | null {
  const counts = column.reference_counts;
  if (isCounts(counts)) {
    return counts.length === 0 ? null : counts;
  }
  const rows = new Map<string, number>();
  for (let i = range.from; i <= range.until; i += 1) {
    const { version, rows: n } = evaluation.chunks[i];
    if (version !== null && counts[version] !== undefined) {
      rows.set(version, (rows.get(version) ?? 0) + n);
    }
  }
  const versions = [...rows.keys()];
  if (versions.length <= 1) {
    return counts[versions[0] ?? Object.keys(counts)[0] ?? ''] ?? null;
  }
  const all = [...rows.values()].reduce((sum, n) => sum + n, 0);
  const size = versions.reduce((sum, version) => sum + total(counts[version]), 0);
  const mixed = new Float64Array(counts[versions[0]].length);
  for (const version of versions) {
    const own = counts[version];
    const share = all === 0 ? 1 / versions.length : rows.get(version)! / all;
    const n = total(own);
    for (let i = 0; i < mixed.length && n > 0; i += 1) {
      mixed[i] += (size * share * own[i]) / n;
    }
  }
  return mixed;
}

function isCounts(counts: IColumn['reference_counts']): counts is readonly number[] {
  return Array.isArray(counts);
}

/** The share of missing values over a range, each chunk by its rows. */
function weighted(column: IColumn, range: IRange, rows: readonly number[]): number | null {
  let [sum, n] = [0, 0];
  rows.forEach((count, i) => {
    const share = at(column.missing, range.from + i);
    if (share !== null) {
      sum += share * count;
      n += count;
    }
  });
  return n === 0 ? null : sum / n;
}

const NO_SCORE: IScored = {
  labelled: 0,
  unlabelled: 0,
  positive_share: null,
  mean_score: null,
  gap: null,
  auc: null,
  log_loss: null,
  brier: null,
  ece: null
};

function performanceOf(scores: IScores | null, certified: IWindow | null): IScored | null {
  const own = scores === null ? null : score(scores);
  const found = certified?.performance ?? null;
  if (found === null) {
    return own;
  }
  const values = Object.fromEntries(
    Object.entries(found)
      .map(([key, value]) => [key, finite(value)] as const)
      .filter(([key, value]) => key in NO_SCORE && value !== null)
  );
  return { ...(own ?? NO_SCORE), ...values };
}
