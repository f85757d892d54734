import { MONTHS } from '../../components/format';
import type { IChunk } from './state';

/** The places of chunks on the time axis that timeline and matrix share. */
export interface IScale {
  left: number;
  width: number;
  chunks: number;
  /** The width of a chunk. */
  band: number;
}

export function scaleOf(width: number, chunks: number, gutter: number, right = 8): IScale {
  const inner = Math.max(1, width - gutter - right);
  // A handful of chunks need not be as wide as the page.
  const band = Math.min(64, inner / Math.max(1, chunks));
  return { left: gutter, width: band * chunks, chunks, band };
}

/** The left edge of a chunk, and of what would come after the last. */
export function edge(scale: IScale, chunk: number): number {
  return scale.left + scale.band * chunk;
}

export function middle(scale: IScale, chunk: number): number {
  return scale.left + scale.band * (chunk + 0.5);
}

/** The chunk at a place; the nearest one beside the axis. */
export function chunkAt(scale: IScale, x: number): number {
  const chunk = Math.floor((x - scale.left) / scale.band);
  return Math.max(0, Math.min(scale.chunks - 1, chunk));
}

export interface ITick {
  chunk: number;
  label: string;
}

/** Room for a label of the axis. */
const LABEL = 44;

/** Where the axis says what time it is: at the first chunk of a month, or day, or every few chunks. */
export function ticksOf(chunks: readonly IChunk[], by: string, band: number): ITick[] {
  const dated = chunks.length > 0 && chunks.every(({ key }) => /^\d{4}-\d\d-\d\d/.test(key));
  if (!dated) {
    return spaced(
      chunks.map((chunk, i) => ({ chunk: i, label: shortLabel(chunk) })),
      band
    );
  }
  const month = (key: string) => key.slice(0, 7);
  const day = (key: string) => key.slice(0, 10);
  const months = firsts(chunks, month).map(i => ({
    chunk: i,
    label: monthLabel(chunks[i].key, i === 0 || chunks[i].key.slice(5, 7) === '01')
  }));
  if (by === 'month' || months.length > 2) {
    return spaced(months, band);
  }
  const days = firsts(chunks, day).map(i => ({ chunk: i, label: dayLabel(chunks[i].key) }));
  return spaced(days, band);
}

function firsts(chunks: readonly IChunk[], part: (key: string) => string): number[] {
  return chunks.flatMap(({ key }, i) =>
    i === 0 || part(chunks[i - 1].key) !== part(key) ? [i] : []
  );
}

function monthLabel(key: string, withYear: boolean): string {
  const name = MONTHS[Number(key.slice(5, 7)) - 1] ?? key;
  return withYear && key.slice(5, 7) === '01' ? `${name} ${key.slice(0, 4)}` : name;
}

function dayLabel(key: string): string {
  return `${Number(key.slice(8, 10))} ${MONTHS[Number(key.slice(5, 7)) - 1] ?? ''}`.trim();
}

function shortLabel({ key, label }: IChunk): string {
  return /^\d+$/.test(key) ? String(Number(key) + 1) : label.length <= 8 ? label : key;
}

/** Labels that have room: one that would touch the one before is left out. */
function spaced(ticks: readonly ITick[], band: number): ITick[] {
  const kept: ITick[] = [];
  for (const tick of ticks) {
    const last = kept[kept.length - 1];
    const room = last === undefined ? Infinity : (tick.chunk - last.chunk) * band;
    if (room >= Math.max(LABEL, 7 * (last?.label.length ?? 0))) {
      kept.push(tick);
    } else if (kept.length === 1 && last.chunk === 0) {
      // A month that had only just ended says less than the one that begins.
      kept[0] = tick;
    }
  }
  return kept;
}
