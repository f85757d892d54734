import type {
  IColumnProfile,
  IDatasetVersion,
  ICheckResult,
  ISuiteReport,
  Value
} from '../../api/data';
import { formatCount, formatShare, formatValue } from '../../components';

/** One bar of a histogram. */
export interface IBin {
  from: Value;
  to: Value;
  count: number;
  /** An outer bin that reaches much further than the others: it is drawn apart. */
  far: boolean;
}

/** An outer bin so many times as wide as its neighbour holds the far values. */
const FAR = 1.5;

/** A column's histogram as bars; none where it has none. */
export function binsOf(column: IColumnProfile): IBin[] {
  const { edges, counts } = column.histogram ?? { edges: [], counts: [] };
  const places = edges.map(placeOf);
  const usual = typicalWidth(places);
  return counts.map((count, i) => {
    const outer = (i === 0 || i === counts.length - 1) && counts.length > 2;
    const width = places[i + 1] - places[i];
    return { from: edges[i], to: edges[i + 1], count, far: outer && width > FAR * usual };
  });
}

function typicalWidth(places: readonly number[]): number {
  const middle = Math.floor((places.length - 1) / 2);
  return places.length < 3 ? Infinity : places[middle + 1] - places[middle];
}

/** Where a value lies on an axis; times in ms. */
export function placeOf(value: Value): number {
  if (typeof value === 'number') {
    return value;
  }
  if (typeof value === 'boolean') {
    return Number(value);
  }
  // Digits of a number too large for one, else a time; without a zone it is taken as UTC.
  const number = Number(value);
  if (!Number.isNaN(number)) {
    return number;
  }
  return Date.parse(/Z|[+-]\d\d:?\d\d$/.test(value) ? value : `${withTime(value)}Z`);
}

function withTime(value: string): string {
  const text = value.replace(' ', 'T');
  return text.includes('T') ? text : `${text}T00:00:00`;
}

/** A histogram laid over another: both as a share of their rows, over the bins of one axis. */
export interface IOverlay {
  /** The edges of both: places on the axis. */
  from: number;
  to: number;
  before: IStep[];
  after: IStep[];
  /** The highest of both. */
  top: number;
  /** The shares of both that lie beyond it, and are not drawn. */
  beyond: { before: number; after: number };
}

/** A bar of an overlay: where it lies, and its share per unit of the axis. */
export interface IStep {
  from: number;
  to: number;
  height: number;
  share: number;
}

/** Two histograms over the part of the axis where most of both lies; null without both. */
export function overlay(before: IColumnProfile, after: IColumnProfile): IOverlay | null {
  const bars = [before, after].map(stepsOf);
  const near = bars.flatMap(steps => steps.filter(step => !step.far));
  if (bars.some(steps => steps.length === 0) || near.length === 0) {
    return null;
  }
  const from = Math.min(...near.map(step => step.from));
  const to = Math.max(...near.map(step => step.to));
  const within = bars.map(steps => steps.filter(step => step.to > from && step.from < to));
  const top = Math.max(...near.map(step => step.height));
  const rest = bars.map((steps, i) =>
    steps.filter(step => !within[i].includes(step)).reduce((sum, step) => sum + step.share, 0)
  );
  const beyond = { before: rest[0], after: rest[1] };
  return { from, to, before: within[0], after: within[1], top, beyond };
}

function stepsOf(column: IColumnProfile): (IStep & { far: boolean })[] {
  const bins = binsOf(column);
  const total = bins.reduce((sum, bin) => sum + bin.count, 0);
  return bins.map(({ from, to, count, far }) => {
    const [start, end] = [placeOf(from), placeOf(to)];
    const share = total === 0 ? 0 : count / total;
    return { from: start, to: end, share, height: share / (end - start || 1), far };
  });
}

/** The most frequent values of two versions side by side, as shares of those that are there. */
export function topShares(
  before: IColumnProfile,
  after: IColumnProfile,
  most = 8
): { value: Value; before: number; after: number }[] {
  const shares = (column: IColumnProfile) =>
    new Map(column.top.map(([value, count]) => [value, count / Math.max(1, column.count)]));
  const [old, now] = [shares(before), shares(after)];
  return [...new Set([...now.keys(), ...old.keys()])]
    .map(value => ({ value, before: old.get(value) ?? 0, after: now.get(value) ?? 0 }))
    .sort((a, b) => Math.max(b.before, b.after) - Math.max(a.before, a.after))
    .slice(0, most);
}

/** A value of a column as people read it. */
export function valueText(value: Value | null | undefined, kind: IColumnProfile['kind']): string {
  if (value === null || value === undefined) {
    return '–';
  }
  if (typeof value === 'number') {
    // A value, no score: 0.41, not 0.410.
    return formatValue(value, 3)
      .replace(/(\.\d*?)0+$/, '$1')
      .replace(/\.$/, '');
  }
  if (typeof value === 'string' && kind === 'time') {
    return value
      .replace('T', ' ')
      .replace(/(\.\d*?)0*(Z?)$/, '$1$2')
      .replace(/\.(Z?)$/, '$1')
      .replace(/^(\d{4}-\d\d-\d\d) 00:00(:00)?(Z?)$/, '$1')
      .replace(/^(\d{4}-\d\d-\d\d \d\d:\d\d):00(Z?)$/, '$1$2');
  }
  return String(value);
}

/** The first and the last time, by the day where they are days apart. */
export function timeSpan(from: Value, to: Value): string {
  const days = (placeOf(to) - placeOf(from)) / 86_400_000;
  const text = (value: Value): string =>
    days > 2 ? String(value).slice(0, 10) : valueText(value, 'time');
  return `${text(from)} · ${text(to)}`;
}

/** A column's type as a word: DuckDB writes `"NULL"` where there is no value at all. */
export function typeText({ type }: IColumnProfile): string {
  return type.replace(/^"(.*)"$/, '$1').toLowerCase();
}

/** The share of rows without a value. */
export function missingShare(column: IColumnProfile): number {
  const rows = column.count + column.missing;
  return rows === 0 ? 0 : column.missing / rows;
}

/** `2.3 %`; a little is never said to be nothing, nor nearly all to be all. */
export function shareText(share: number): string {
  if (share > 0 && share < 0.001) {
    return `<${formatShare(0.001)}`;
  }
  if (share < 1 && share > 0.999) {
    return `>${formatShare(0.999)}`;
  }
  return formatShare(share, share === 0 || share === 1 ? 0 : 1);
}

/** How many different values: `~1,204` where it is an estimate. */
export function distinctText(column: IColumnProfile): string {
  return column.distinct === null
    ? '–'
    : `${column.approximate ? '~' : ''}${formatCount(column.distinct)}`;
}

export type ColumnOrder = 'data' | 'name' | 'missing' | 'distinct';

/** The columns whose names hold every word of the search, in an order. */
export function columnsLike(
  columns: readonly IColumnProfile[],
  search: string,
  order: ColumnOrder
): IColumnProfile[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = columns.filter(({ name, type }) =>
    words.every(word => `${name} ${type}`.toLowerCase().includes(word))
  );
  switch (order) {
    case 'name':
      return found.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
    case 'missing':
      return found.sort((a, b) => missingShare(b) - missingShare(a));
    case 'distinct':
      return found.sort((a, b) => (b.distinct ?? -1) - (a.distinct ?? -1));
    default:
      return found;
  }
}

/** A report's checks: what failed first, what blocks before what warns. */
export function bySeverity(checks: readonly ICheckResult[]): ICheckResult[] {
  const rank = (check: ICheckResult) =>
    check.state === 'passed' ? 2 : check.severity === 'block' ? 0 : 1;
  return [...checks].sort((a, b) => rank(a) - rank(b) || a.index - b.index);
}

/** The reports, the worst first. */
export function worstFirst(reports: readonly ISuiteReport[]): ISuiteReport[] {
  const rank = { blocked: 0, warned: 1, passed: 2 };
  return [...reports].sort((a, b) => rank[a.state] - rank[b.state]);
}

/** The check that blocks a version; null when none does. */
export function blockingCheck(
  version: IDatasetVersion
): { suite: string; check: ICheckResult; more: number } | null {
  const found = version.reports.flatMap(report =>
    report.checks
      .filter(check => check.state !== 'passed' && check.severity === 'block')
      .map(check => ({ suite: report.suite, check }))
  );
  return found.length === 0 ? null : { ...found[0], more: found.length - 1 };
}

/** Where a version was committed from, in a word: a path, `SQL`, `pandas frame`. */
export function sourceText(source: Readonly<Record<string, unknown>>): string {
  if (typeof source.path === 'string') {
    return source.path;
  }
  if (typeof source.sql === 'string') {
    return 'SQL';
  }
  if (typeof source.frame === 'string') {
    return `${source.frame} frame`;
  }
  return '';
}
