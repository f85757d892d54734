import { formatShare, formatValue } from '../../components/format';
import type { WireNumber } from '../number';
import type { Translate } from '../text';
import type { IColumn, IEvaluation, IIncident, ISelection, Measure, Series } from './state';

/** A finite number of the wire; null for all else. */
export function finite(value: WireNumber | null | undefined): number | null {
  const number = value === null || value === undefined ? NaN : Number(value);
  return Number.isFinite(number) ? number : null;
}

export function at(series: Series | undefined, chunk: number): number | null {
  return finite(series?.[chunk]);
}

/** A range of chunks, both ends inside. */
export interface IRange {
  from: number;
  until: number;
}

/** What is brushed, inside of the chunks there are; null: all of them. */
export function brushed(selection: ISelection, chunks: number): IRange | null {
  const { from, until } = selection;
  if (!Number.isFinite(from) || !Number.isFinite(until) || chunks === 0) {
    return null;
  }
  const [a, b] = [Number(from), Number(until)];
  const clamp = (n: number) => Math.max(0, Math.min(chunks - 1, Math.trunc(n)));
  return { from: clamp(Math.min(a, b)), until: clamp(Math.max(a, b)) };
}

/** What a range of a column is compared with: of those versions of the model that answered in it. */
export function referenceText(evaluation: IEvaluation, column: IColumn, range: IRange): string {
  const { told } = evaluation.reference;
  const counts = column.reference_counts;
  const answered = evaluation.chunks
    .slice(range.from, range.until + 1)
    .flatMap(chunk => chunk.version ?? [])
    .filter(version => !Array.isArray(counts) && Object.hasOwn(counts, version));
  return answered.length === 0
    ? told
    : told.replace(/@\d+/, `@${[...new Set(answered)].join(', ')}`);
}

/** A range in words: `15 to 21 April`; the ends of the chunks where it has several. */
export function rangeText(evaluation: IEvaluation, range: IRange | null, t: Translate): string {
  const { chunks } = evaluation;
  if (range === null) {
    const count = chunks.length;
    return count === 1 ? chunks[0].label : t('all %1 chunks', count);
  }
  if (range.from === range.until) {
    return chunks[range.from].label;
  }
  const count = t('%1 chunks', range.until - range.from + 1);
  return `${spanText(chunks[range.from].label, chunks[range.until].label)}, ${count}`;
}

/** From the beginning of one label to the end of another: `1 to 7 April` and `8 to 14 April`. */
export function spanText(first: string, last: string): string {
  const [begin, ownEnd] = split(first);
  const end = split(last)[1] ?? last;
  if (ownEnd === undefined) {
    // Single days of one month.
    const [, day, rest] = /^(\d+) (.+)$/.exec(first) ?? [];
    return `${day !== undefined && end.endsWith(` ${rest}`) ? day : first} to ${end}`;
  }
  // The month stands once where both are in it.
  const month = ownEnd.replace(/^\d+\s*/, '');
  const lone = /^\d+$/.test(begin) && !end.endsWith(month) ? `${begin} ${month}` : begin;
  return `${lone} to ${end}`;
}

function split(label: string): [string, string | undefined] {
  const [begin, end] = label.split(/ (?:to|–|until) /);
  return [begin, end];
}

export function place(evaluation: IEvaluation, key: string | null): number | null {
  const found = key === null ? -1 : evaluation.chunks.findIndex(chunk => chunk.key === key);
  return found < 0 ? null : found;
}

/** The chunks of an incident; null where they are not part of the evaluation. */
export function incidentRange(evaluation: IEvaluation, incident: IIncident): IRange | null {
  const [from, until] = [place(evaluation, incident.first), place(evaluation, incident.last)];
  return from === null || until === null ? null : { from, until: Math.max(from, until) };
}

/** The numbers of a measure, chunk by chunk. */
export function seriesOf(column: IColumn, measure: Measure): Series {
  return column[measure];
}

export function measureLabel(column: IColumn | null, measure: Measure): string {
  if (measure === 'wasserstein') {
    return 'W₁/σ';
  }
  if (measure === 'psi') {
    return 'PSI';
  }
  return column === null || column.measure === 'ks'
    ? 'D'
    : column.measure === 'tvd'
      ? 'TVD'
      : 'AUC';
}

/** Of a measure that has no natural range of its own on the wire. */
const USUAL = { wasserstein: 0.1, psi: 0.1 };
const ENOUGH = 8;

/**
 * Above which value a chunk says something. For the effect that is what alarms go by: its natural
 * range, never below the level of a warning. For the others: what the column's quiet chunks stay
 * below, with the same margin.
 */
export function limitOf(column: IColumn, measure: Measure, chunk?: number): number {
  if (measure === 'effect') {
    const own = chunk === undefined ? null : at(column.naturals, chunk);
    return Math.max(column.warn, own ?? finite(column.natural) ?? 0);
  }
  const quiet = [...column.states]
    .map((state, i) => (state === 'o' ? at(column[measure], i) : null))
    .filter(value => value !== null)
    .sort((a, b) => a - b);
  const usual = quiet.length < ENOUGH ? 0 : 1.1 * quiet[Math.ceil(0.99 * quiet.length) - 1];
  return Math.max(USUAL[measure], usual);
}

/** So far above the limit the colours change; below it greys, by the effect itself. */
export const ABOVE = [1, 1.12, 1.4] as const;
export const BELOW = [0.08, 0.3] as const;

/** Which of the six colours of the drift scale: 0 to 2 within the limit, 3 to 5 above it. */
export function step(value: number, limit: number): number {
  // A classifier's AUC begins at one half; every other effect at nothing.
  const ratio = limit > 0 ? value / limit : value > 0 ? Infinity : 0;
  if (ratio > ABOVE[0]) {
    return ratio >= ABOVE[2] ? 5 : ratio >= ABOVE[1] ? 4 : 3;
  }
  return value < BELOW[0] ? 0 : value < BELOW[1] ? 1 : 2;
}

/** Columns in the order of the ranking: drift × importance where that is known, else drift. */
export function ranked(evaluation: IEvaluation): readonly IColumn[] {
  const weight = (column: IColumn) =>
    finite(column.impact) ?? (worst(column) * (finite(column.importance) ?? 0) || 0);
  const known = evaluation.columns.some(column => finite(column.importance) !== null);
  // What the model says and what came of it stand below what it was told.
  const told = (column: IColumn) => Number(column.role !== 'feature');
  const alarm = (column: IColumn) =>
    column.states.includes('a') ? 2 : column.states.includes('w') ? 1 : 0;
  const worsts = new Map(evaluation.columns.map(column => [column, worst(column)]));
  const apart = (a: IColumn, b: IColumn) => alarm(b) - alarm(a) || worsts.get(b)! - worsts.get(a)!;
  return [...evaluation.columns].sort(
    (a, b) => told(a) - told(b) || (known ? weight(b) - weight(a) : 0) || apart(a, b)
  );
}

/** The greatest effect ÷ its limit. */
export function worst(column: IColumn): number {
  const limit = limitOf(column, 'effect');
  let most = 0;
  column.effect.forEach((_, i) => {
    most = Math.max(most, (at(column.effect, i) ?? 0) / limit);
  });
  return most;
}

const STATES: Readonly<Record<string, string>> = {
  o: 'as usual',
  w: 'warning',
  a: 'alert',
  s: 'too few rows to alarm',
  h: 'few rows, looked at for data quality only',
  q: 'data quality first',
  '-': 'no data'
};

export function stateText(state: string | undefined, t: Translate): string {
  return t(STATES[state ?? '-'] ?? STATES['-']);
}

/** A statistic as people read it: two decimals, three below a tenth. */
export function formatEffect(value: number | null): string {
  return value === null ? '–' : formatValue(value, Math.abs(value) < 0.1 ? 3 : 2);
}

/** A label as a title: `Log loss`. */
export function titled(label: string): string {
  return label.charAt(0).toUpperCase() + label.slice(1);
}

/** A performance metric's value: shares in percent, losses with three decimals. */
export function formatOf(key: string, unit: string | null, value: number | null): string {
  if (value === null) {
    return '–';
  }
  if (SHARES.has(key)) {
    return formatShare(value);
  }
  const text = formatValue(value, 3);
  return unit === null || unit === '' ? text : `${text} ${unit}`;
}

const SHARES = new Set(['positive_share', 'mean_score', 'accuracy']);

/** The incident that is explained: the chosen one, else the first that is open, else the first. */
export function chosenIncident(evaluation: IEvaluation, selection: ISelection): IIncident | null {
  const { alerts } = evaluation;
  const { alert } = selection;
  return (
    alerts.find(one => incidentKey(one) === alert) ??
    // Not every incident has opened an alert: without a choice none of them is meant.
    alerts.find(one => alert !== null && (one.key === alert || one.id === alert)) ??
    alerts.find(one => one.open && one.severity !== 'info') ??
    alerts[0] ??
    null
  );
}

/** The same cause may fire twice in a year: with its first chunk the key is unique. */
export function incidentKey(incident: IIncident): string {
  return `${incident.key}@${incident.first}`;
}

/** What is looked at when an incident is chosen: its first chunk to its last, its first feature. */
export function lookAt(evaluation: IEvaluation, incident: IIncident): Partial<ISelection> {
  const range = incidentRange(evaluation, incident);
  // Its columns may also be metrics or groups.
  const column = evaluation.columns.find(one => incident.columns.includes(one.name));
  return {
    alert: incidentKey(incident),
    from: range?.from ?? null,
    until: range?.until ?? null,
    ...(column === undefined ? {} : { column: column.name }),
    ...(incident.kind === 'fairness' ? { part: 'fairness' as const } : {})
  };
}

/**
 * The column that is looked at: the chosen one; before anything is chosen that of the incident, which
 * is explained; else the first of the ranking.
 */
export function chosenColumn(
  evaluation: IEvaluation,
  columns: readonly IColumn[],
  selection: ISelection
): IColumn | null {
  const incident = selection.alert === null ? chosenIncident(evaluation, selection) : null;
  return (
    columns.find(column => column.name === selection.column) ??
    columns.find(column => incident?.columns.includes(column.name)) ??
    columns[0] ??
    null
  );
}
