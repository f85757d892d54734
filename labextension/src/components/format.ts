/** Numbers and times as people read them (the design's rules): as few digits as the decision needs. */

const MINUS = '−';
const NARROW = ' '; // A space that does not break, between a number and its unit.
const counts = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });

/** A metric's value: three decimals by default, two in chips, four for losses in tables. */
export function formatValue(value: number | null | undefined, decimals = 3): string {
  if (value === null || value === undefined) {
    return '–';
  }
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : `${MINUS}∞`;
  }
  const size = Math.abs(value);
  if (Number.isInteger(value)) {
    return size < 1e9 ? signed(value, counts.format(size)) : exponent(value);
  }
  if (size < 0.001) {
    return exponent(value);
  }
  if (size >= 1e6) {
    return size < 1e9 ? signed(value, counts.format(size)) : exponent(value);
  }
  // Four significant digits at most: 0.702, 12.34, 456.7, 12,346.
  const digits = Math.max(0, Math.min(decimals, 4 - Math.floor(Math.log10(size) + 1)));
  return signed(value, digits === 0 ? counts.format(size) : size.toFixed(digits));
}

/** A metric's value in a table or beside a chart: losses have four decimals, scores three. */
export function formatScore(value: number | null | undefined, key: string): string {
  return formatValue(value, isLoss(key) ? 4 : 3);
}

function isLoss(key: string): boolean {
  return /(^|[^a-z])(loss|nll|log_loss|logloss)([^a-z]|$)/i.test(key);
}

/** A difference with its sign and a true minus, no leading zero: `−.018`, `=`, `–` when unknown. */
export function formatDifference(value: number | null | undefined, decimals = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return '–';
  }
  const size = Math.abs(value);
  const text = size >= 10 ? formatValue(size, decimals) : size.toFixed(decimals).replace(/^0/, '');
  if (/^[.0]*$/.test(text)) {
    return '=';
  }
  return (value < 0 ? MINUS : '+') + text;
}

/** Whether a difference is for the better; null when it is neither. */
export function judge(
  difference: number | null | undefined,
  direction: 'min' | 'max'
): 'better' | 'worse' | null {
  if (!difference || !Number.isFinite(difference)) {
    return null;
  }
  return difference > 0 === (direction === 'max') ? 'better' : 'worse';
}

/** A count with its thousands set apart: `12,431`. */
export function formatCount(value: number): string {
  return counts.format(value);
}

/** A share of one in percent: `28.1 %`; whole from ten to ninety with `decimals` 0. */
export function formatShare(value: number, decimals = 1): string {
  return `${(100 * value).toFixed(decimals)}${NARROW}%`;
}

/** A size: `262 kB`, `1.4 GB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = bytes;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || size >= 10 ? 0 : 1;
  return `${size.toFixed(digits)}${NARROW}${units[unit]}`;
}

/** How long something took: `4.4 ms`, `36.2 s`, `1:04`, `2:05:09`, `3 d 4 h`. */
export function formatDuration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) {
    return '–';
  }
  if (seconds < 1) {
    const ms = 1000 * seconds;
    return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)}${NARROW}ms`;
  }
  if (seconds < 59.95) {
    return `${seconds.toFixed(1)}${NARROW}s`;
  }
  return formatElapsed(seconds);
}

/** A running time that ticks once a second: `0:41`, `1:02:03`, `3 d 4 h`. */
export function formatElapsed(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor((whole % 86_400) / 3_600);
  if (days > 0) {
    return `${days}${NARROW}d${NARROW}${hours}${NARROW}h`;
  }
  const rest = String(whole % 60).padStart(2, '0');
  const minutes = Math.floor((whole % 3_600) / 60);
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

/** A metric's value, with the unit that its name ends with. */
export function formatMetric(key: string, value: number | null, decimals = 3): string {
  if (value === null || !Number.isFinite(value)) {
    return formatValue(value);
  }
  const unit = /_(ms|s|seconds|bytes)$/.exec(key)?.[1];
  switch (unit) {
    case 'ms':
      return formatDuration(value / 1000);
    case 's':
    case 'seconds':
      return formatDuration(value);
    case 'bytes':
      return formatBytes(value);
    default:
      return formatValue(value, decimals);
  }
}

export const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** How long ago: `now`, `36 s`, `14 min`, `2 h`, `yesterday`, `6 d`, then `4 Nov`. */
export function formatAge(at: Date, now: Date): string {
  const seconds = (now.getTime() - at.getTime()) / 1000;
  if (seconds < 10) {
    return 'now';
  }
  if (seconds < 60) {
    return `${Math.floor(seconds)}${NARROW}s`;
  }
  if (seconds < 3_600) {
    return `${Math.floor(seconds / 60)}${NARROW}min`;
  }
  const days = calendarDays(at, now);
  if (seconds < 86_400 && (days === 0 || seconds < 6 * 3_600)) {
    return `${Math.floor(seconds / 3_600)}${NARROW}h`;
  }
  if (days === 1) {
    return 'yesterday';
  }
  if (days < 7) {
    return `${days}${NARROW}d`;
  }
  const day = `${at.getDate()}${NARROW}${MONTHS[at.getMonth()]}`;
  return at.getFullYear() === now.getFullYear() ? day : `${day}${NARROW}${at.getFullYear()}`;
}

/** When something happened, in a line of facts: `20 Nov 12:31 UTC`; with its year when that is over. */
export function formatTime(iso: string, now = new Date()): string {
  const at = new Date(iso);
  const [hours, minutes] = [at.getUTCHours(), at.getUTCMinutes()].map(n =>
    String(n).padStart(2, '0')
  );
  const year = at.getUTCFullYear() === now.getUTCFullYear() ? '' : ` ${at.getUTCFullYear()}`;
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}${year} ${hours}:${minutes} UTC`;
}

/** The exact time for a tooltip: `2026-11-04 09:12:31 UTC`. */
export function formatExact(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function calendarDays(at: Date, now: Date): number {
  const midnight = (day: Date): number =>
    new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
  return Math.round((midnight(now) - midnight(at)) / 86_400_000);
}

function signed(value: number, size: string): string {
  return value < 0 ? MINUS + size : size;
}

function exponent(value: number): string {
  return value.toExponential(1).replace('-', MINUS).replace('e+', 'e').replace(`e-`, `e${MINUS}`);
}
