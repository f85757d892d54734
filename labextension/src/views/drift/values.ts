import { formatValue, MONTHS } from '../../components/format';
import { axis, tickDigits } from '../axis';
import { at, finite } from './facts';
import type { IRange } from './facts';
import type { IColumn } from './state';

type Valued = Pick<IColumn, 'kind' | 'unit'>;

const DAY = 86_400;
const MONTH = 30.5 * DAY;
const STEPS = [1, 60, 300, 900, 3_600, 10_800, 21_600, 43_200, DAY, 2 * DAY, 7 * DAY, 14 * DAY];
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1_200];
/** So many marks an axis has at most. */
const MOST = 5;
/** The width of a letter, and what is left free between two labels. */
const LETTER = 6.2;
const APART = 10;

/** The unit that values of a column are in: texts are counted by their length. */
export function unitOf({ kind, unit }: Valued): string | null {
  return kind === 'text' ? 'characters' : kind === 'time' ? null : unit;
}

/** A value of a column as people read it: `54 °F`, `3 Apr 2013`. */
export function valueText(column: Valued, value: number | null, bare = false): string {
  if (value === null) {
    return '–';
  }
  if (column.kind === 'time') {
    return timeText(value, DAY);
  }
  const unit = bare ? null : unitOf(column);
  const text = formatValue(value, 2);
  return unit === null ? text : `${text} ${unit}`;
}

/** A moment, in seconds since 1970, as exactly as a step between moments asks for. */
function timeText(seconds: number, step: number): string {
  const date = new Date(1_000 * seconds);
  if (Number.isNaN(date.getTime())) {
    return formatValue(seconds, 0); // Farther away than any calendar goes.
  }
  const [year, month] = [String(date.getUTCFullYear()), MONTHS[date.getUTCMonth()]];
  if (step >= 12 * MONTH) {
    return year;
  }
  if (step >= MONTH) {
    return `${month} ${year}`;
  }
  const day = `${date.getUTCDate()} ${month}`;
  return step >= DAY ? `${day} ${year}` : `${day} ${date.toISOString().slice(11, 16)}`;
}

export interface ILabel {
  value: number;
  text: string;
}

/**
 * Round values between two, with their labels: with the unit where all have room for it, else without
 * (what stands below the picture names it), else fewer of them.
 */
export function labelsOf(column: Valued, low: number, high: number, width: number): ILabel[] {
  const room = (high - low) / (width || 1);
  const fits = (labels: ILabel[]) =>
    labels.every(({ value, text }, i) => {
      const next = labels[i + 1];
      const half = next && (LETTER * (text.length + next.text.length)) / 2 + APART;
      return next === undefined || (next.value - value) / room >= half;
    });
  const found = column.kind === 'time' ? moments(low, high) : null;
  const inner = (high - low) / MOST;
  const values = found?.values ?? axis([low + inner, high - inner]).ticks;
  const inside = values.filter(value => value >= low && value <= high);
  const digits = Math.max(0, tickDigits(inside));
  const said = (unit: string | null) =>
    inside.map(value => {
      const text = found === null ? formatValue(value, digits) : timeText(value, found.step);
      return { value, text: unit === null ? text : `${text} ${unit}` };
    });
  const named = said(unitOf(column));
  const labels = fits(named) ? named : said(null);
  for (let every = 1; every < labels.length; every += 1) {
    const few = labels.filter((_, i) => i % every === 0);
    if (fits(few)) {
      return few;
    }
  }
  return labels.slice(0, 1);
}

/** Where days, months or years begin. */
function moments(low: number, high: number): { values: number[]; step: number } {
  const raw = (high - low) / MOST;
  const step = STEPS.find(one => one >= raw);
  if (step !== undefined) {
    const first = Math.ceil(low / step);
    const count = Math.floor(high / step) - first + 1;
    return { values: Array.from({ length: count }, (_, i) => (first + i) * step), step };
  }
  const months = MONTH_STEPS.find(one => one * MONTH >= raw) ?? MONTH_STEPS[MONTH_STEPS.length - 1];
  const begin = new Date(1_000 * low);
  const first = Math.ceil((12 * begin.getUTCFullYear() + begin.getUTCMonth()) / months) * months;
  const values = Array.from({ length: MOST + 2 }, (_, i) => {
    const month = first + i * months;
    return Date.UTC(Math.floor(month / 12), ((month % 12) + 12) % 12) / 1_000;
  });
  return { values: values.filter(value => Number.isFinite(value)), step: months * MONTH };
}

/** Up to where a column is as usual in a range: what that is may change with the model's version. */
export function naturalOver(column: IColumn, range: IRange): number | null {
  let most: number | null = null;
  for (let i = range.from; i <= range.until; i += 1) {
    const own = at(column.naturals, i);
    most = own === null ? most : Math.max(own, most ?? own);
  }
  return most ?? finite(column.natural);
}
