import type { ISeries, WireNumber, XAxis } from './state';

/** One line of a chart. */
export interface ILine {
  key: string;
  /** What tells it from the other lines of its chart; empty for the one named like the chart. */
  label: string;
  /** 1 to 5: which of the series colours. */
  color: number;
  dashed: boolean;
  series: ISeries;
}

/** One chart: a metric, or one metric on several splits of the data. */
export interface IChart {
  id: string;
  title: string;
  lines: ILine[];
}

/** A value that cannot be drawn, marked at the edge of the chart. */
export interface IMark {
  x: number;
  line: number;
  value: 'NaN' | 'Infinity' | '-Infinity';
}

/** A chart's numbers side by side: `undefined` has no point there, `null` breaks the line. */
export interface IAligned {
  xs: number[];
  ys: (number | null | undefined)[][];
  marks: IMark[];
  /** Finite values that a logarithmic axis cannot show. */
  hidden: number;
}

const JUDGED = ['val', 'valid', 'validation', 'test', 'holdout', 'eval', 'dev'];
const TRAINED = ['train', 'training'];
const SPLIT = new RegExp(
  `^(?:(?<before>${[...JUDGED, ...TRAINED].join('|')})[/_. -](?<rest>.+)|` +
    `(?<base>.+)[/_. -](?<after>${[...JUDGED, ...TRAINED].join('|')}))$`,
  'i'
);

/** `val/loss` and `loss_val` are `loss` on `val`; `loss` itself is on no named split. */
export function splitOf(key: string): { base: string; split: string | null } {
  const found = SPLIT.exec(key)?.groups;
  if (!found) {
    return { base: key, split: null };
  }
  return { base: found.rest ?? found.base, split: found.before ?? found.after };
}

/**
 * The charts of some series: one for each metric, in the order of the series; the same metric on
 * several splits of the data shares a chart, what judges before what was trained on.
 */
export function charts(series: readonly ISeries[]): IChart[] {
  const groups = new Map<string, ISeries[]>();
  for (const one of series) {
    const { base } = splitOf(one.key);
    groups.set(base, [...(groups.get(base) ?? []), one]);
  }
  const found: IChart[] = [];
  for (const [base, members] of groups) {
    if (members.length === 1) {
      const [only] = members;
      found.push({ id: only.key, title: only.key, lines: [line(only, only.key, 0, false)] });
      continue;
    }
    const rank = (one: ISeries) => Number(isTrained(one.key));
    const ordered = [...members].sort((a, b) => rank(a) - rank(b));
    found.push({
      id: base,
      title: base,
      lines: ordered.map((one, i) => line(one, splitOf(one.key).split ?? '', i, isTrained(one.key)))
    });
  }
  return found;
}

function isTrained(key: string): boolean {
  return TRAINED.includes(splitOf(key).split?.toLowerCase() ?? '');
}

function line(series: ISeries, label: string, index: number, dashed: boolean): ILine {
  return { key: series.key, label, color: (index % 5) + 1, dashed, series };
}

/** The finite number, or null. */
export function finite(value: WireNumber): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** The name of a number that is not finite, or null. */
export function strange(value: WireNumber): IMark['value'] | null {
  return value === null || finite(value) !== null ? null : (String(value) as IMark['value']);
}

/** Where the points of a series lie: at their steps (else their order), or seconds after `origin`. */
export function positions(series: ISeries, x: XAxis, origin: number | null): number[] {
  if (x === 'time') {
    const zero = origin ?? series.times_ms[0] ?? 0;
    return series.times_ms.map(time => (time - zero) / 1000);
  }
  return series.steps.map((step, i) => step ?? i);
}

/** Lay the lines of a chart beside each other; of points at one place the last logged counts. */
export function align(
  chart: IChart,
  options: { x: XAxis; origin: number | null; log: boolean }
): IAligned {
  const marks: IMark[] = [];
  const points = chart.lines.map(({ series }, lineIndex) => {
    const at = new Map<number, number | null>();
    const odd = new Map<number, IMark>();
    positions(series, options.x, options.origin).forEach((x, i) => {
      const value = series.values[i];
      at.set(x, finite(value));
      odd.delete(x);
      const name = strange(value);
      if (name !== null) {
        odd.set(x, { x, line: lineIndex, value: name });
      }
    });
    marks.push(...odd.values());
    return at;
  });
  const xs = [...new Set(points.flatMap(at => [...at.keys()]))].sort((a, b) => a - b);
  let hidden = 0;
  const ys = points.map(at =>
    xs.map(x => {
      const y = at.get(x);
      if (options.log && typeof y === 'number' && y <= 0) {
        hidden += 1;
        return null;
      }
      return y;
    })
  );
  return { xs, ys, marks, hidden };
}

/** The index of the point of a line that is nearest to `index`, or null when it has none. */
export function nearest(values: readonly (number | null | undefined)[], index: number) {
  for (let distance = 0; distance < values.length; distance++) {
    for (const candidate of [index - distance, index + distance]) {
      if (typeof values[candidate] === 'number') {
        return candidate;
      }
    }
  }
  return null;
}

/** Where a line begins, ends, is lowest and highest: indices of finite values. */
export interface IExtent {
  first: number;
  last: number;
  lowest: number;
  highest: number;
}

/** The extent of a series; null without a finite value. */
export function extent({ values }: ISeries): IExtent | null {
  let found: IExtent | null = null;
  values.forEach((value, i) => {
    const number = finite(value);
    if (number === null) {
      return;
    }
    found ??= { first: i, last: i, lowest: i, highest: i };
    found.last = i;
    found.lowest = number < (values[found.lowest] as number) ? i : found.lowest;
    found.highest = number > (values[found.highest] as number) ? i : found.highest;
  });
  return found;
}

/** How many values of a series are not finite. */
export function strangers(series: ISeries): number {
  return series.values.filter(value => strange(value) !== null).length;
}

/** Labels of an axis with the same number of decimals, as many as their distance needs. */
export function tickLabels(ticks: readonly number[], log = false): string[] {
  const steps = ticks.slice(1).map((tick, i) => Math.abs(tick - ticks[i]));
  const step = Math.min(...steps.filter(size => size > 0), Infinity);
  const largest = Math.max(...ticks.map(Math.abs), 0);
  if (log || !Number.isFinite(step) || (largest > 0 && largest < 1e-3) || largest >= 1e6) {
    return ticks.map(tick => compact(tick));
  }
  const decimals = Math.min(8, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  return ticks.map(tick => minus(tick.toFixed(decimals)));
}

function compact(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    return minus(
      value
        .toExponential(2)
        .replace(/\.?0+e/, 'e')
        .replace('e+', 'e')
    );
  }
  return minus(String(Number(value.toPrecision(6))));
}

const minus = (text: string) => text.replace(/^-/, '−');

/** Seconds as `12`, `1:04` or `2:10:00`, for an axis. */
export function clock(seconds: number): string {
  const whole = Math.round(Math.abs(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (part: number) => String(part).padStart(2, '0');
  const text = h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  return seconds < 0 ? `−${text}` : text;
}
