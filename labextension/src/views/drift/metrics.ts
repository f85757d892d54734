import { at, finite } from './facts';
import type { IMetric, IPerformance, Series } from './state';

/** A metric as the timeline draws it. */
export interface IPlotted {
  key: string;
  metric: IMetric;
  /** What was expected: CBPE's estimate, or for a share the mean score. */
  estimated: Series;
  estimatedLow: Series;
  estimatedHigh: Series;
}

/** Which metrics come first: how many there were, how well they were told apart. */
const FIRST = ['positive_share', 'auc', 'log_loss', 'gap', 'brier', 'mae', 'rmse', 'f1'];
/** Drawn dashed with the share of positives, not by itself. */
const PARTNER = 'mean_score';

/** The metrics that can be plotted, the most telling first. */
export function plottable(performance: IPerformance): IPlotted[] {
  const { metrics } = performance;
  const rank = (key: string) => (FIRST.includes(key) ? FIRST.indexOf(key) : FIRST.length);
  return Object.keys(metrics)
    .filter(key => key !== PARTNER || metrics.positive_share === undefined)
    .filter(key => known(metrics[key].realised) || known(metrics[key].estimated))
    .sort((a, b) => rank(a) - rank(b))
    .map(key => plotted(key, metrics));
}

function plotted(key: string, metrics: IPerformance['metrics']): IPlotted {
  const metric = metrics[key];
  const partner = metrics[PARTNER];
  const shares = key === 'positive_share' && !known(metric.estimated) && partner !== undefined;
  return {
    key,
    metric,
    estimated: shares ? partner.realised : metric.estimated,
    estimatedLow: shares ? [] : metric.estimated_low,
    estimatedHigh: shares ? [] : metric.estimated_high
  };
}

export function known(series: Series): boolean {
  return series.some((_, i) => at(series, i) !== null);
}

/** Where a metric lies by nature: a band over the chunks of each version of the reference. */
export interface INaturalBand {
  first: number;
  count: number;
  low: number;
  high: number;
}

export function naturalBands(metric: IMetric, chunks: number): INaturalBand[] {
  const own = metric.naturals ?? [];
  const found: INaturalBand[] = [];
  for (let i = 0; i < chunks; i++) {
    const natural = own.length > 0 ? own[i] : metric.natural;
    const [low, high] = [finite(natural?.low), finite(natural?.high)];
    const last = found[found.length - 1];
    if (low === null || high === null) {
      continue;
    }
    if (
      last !== undefined &&
      last.first + last.count === i &&
      last.low === low &&
      last.high === high
    ) {
      last.count += 1;
    } else {
      found.push({ first: i, count: 1, low, high });
    }
  }
  return found;
}

/** A line through the known values from `from` to `until`; it breaks where there is none. */
export function linePath(
  series: Series,
  x: (chunk: number) => number,
  y: (value: number) => number,
  keep: (chunk: number) => boolean = () => true
): string {
  let path = '';
  let pen = false;
  let lone = '';
  series.forEach((_, i) => {
    const value = at(series, i);
    if (value === null || !keep(i)) {
      path += lone;
      pen = false;
      lone = '';
      return;
    }
    path += `${pen ? 'L' : 'M'}${round(x(i))} ${round(y(value))}`;
    // A point between two gaps is seen as a short stroke.
    lone = pen ? '' : 'h.01';
    pen = true;
  });
  return path + lone;
}

/** The area between two lines, where both are known. */
export function areaPath(
  low: Series,
  high: Series,
  x: (chunk: number) => number,
  y: (value: number) => number
): string {
  let path = '';
  let begin = -1;
  const both = (i: number) => at(low, i) !== null && at(high, i) !== null;
  for (let i = 0; i <= high.length; i += 1) {
    if (i < high.length && both(i)) {
      begin = begin < 0 ? i : begin;
    } else if (begin >= 0) {
      const span = Array.from({ length: i - begin }, (_, n) => begin + n);
      const upper = span.map(n => `${round(x(n))} ${round(y(at(high, n)!))}`);
      const lower = span.reverse().map(n => `${round(x(n))} ${round(y(at(low, n)!))}`);
      path += `M${[...upper, ...lower].join('L')}Z`;
      begin = -1;
    }
  }
  return path;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
