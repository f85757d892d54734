import { resolveColor } from '../theme';
import { at, limitOf, step } from './facts';
import type { IScale } from './scale';
import { edge } from './scale';
import type { IChunk, IColumn, Measure } from './state';

/** The colours of the matrix, as the theme has them now. */
export interface IInks {
  steps: readonly string[];
  quality: string;
  mark: string;
  hatch: string;
  ground: string;
}

export function inksOf(element: Element): IInks {
  const of = (name: string) => resolveColor(element, `var(--jp-mlops-${name})`);
  return {
    steps: [0, 1, 2, 3, 4, 5].map(n => of(`drift-${n}`)),
    quality: of('quality'),
    mark: resolveColor(element, 'var(--jp-ui-font-color0, var(--jp-ui-font-color1))'),
    hatch: of('axis'),
    ground: resolveColor(element, 'var(--jp-layout-color1)')
  };
}

/** What a cell says, ready to be painted: a colour of the scale, or one of these. */
export const BLANK = 255;
export const QUALITY = 6;
/** Added to a colour. */
export const ALARM = 16;
export const HATCH = 32;

/** The cells of the matrix, a byte each: what takes time is done once per measure, not per frame. */
export function cellsOf(columns: readonly IColumn[], chunks: number, measure: Measure): Uint8Array {
  const cells = new Uint8Array(columns.length * chunks).fill(BLANK);
  columns.forEach((column, row) => {
    const fixed = limitOf(column, measure);
    const varies = measure === 'effect' && column.naturals !== undefined;
    for (let chunk = 0; chunk < chunks; chunk += 1) {
      const state = column.states[chunk] ?? '-';
      const value = at(column[measure], chunk);
      let cell = BLANK;
      if (state === 'q') {
        cell = QUALITY;
      } else if (value !== null) {
        cell = step(value, varies ? limitOf(column, measure, chunk) : fixed);
      } else if (state !== '-') {
        cell = 0;
      }
      if (cell !== BLANK) {
        cell += state === 'a' ? ALARM : state === 's' || state === 'h' ? HATCH : 0;
      }
      cells[row * chunks + chunk] = cell;
    }
  });
  return cells;
}

export interface IPaint {
  scale: IScale;
  inks: IInks;
  cells: Uint8Array;
  /** The rows that are seen, and where the first of them begins. */
  first: number;
  last: number;
  top: number;
  row: number;
  chunks: readonly IChunk[];
}

/** Paint the rows that are seen, colour by colour: the brush of a canvas is slow to change. */
export function paintRows(context: CanvasRenderingContext2D, paint: IPaint): void {
  const { scale, inks, cells, first, last, top, row, chunks } = paint;
  const count = chunks.length;
  const gapX = scale.band >= 5 ? 1 : 0;
  const height = row - 1;
  // Places and lengths: without gaps between them, equal neighbours are one rectangle.
  const byInk: [number, number][][] = Array.from({ length: 7 }, () => []);
  const marks: number[] = [];
  const hatched: number[] = [];
  for (let r = first; r < last; r += 1) {
    let run: [number, number] = [0, 0];
    let before = BLANK;
    for (let c = 0; c < count; c += 1) {
      const cell = cells[r * count + c];
      if (cell === BLANK) {
        before = BLANK;
        continue;
      }
      const where = r * count + c;
      const ink = cell & 7;
      if (gapX === 0 && ink === before) {
        run[1] += 1;
      } else {
        run = [where, 1];
        byInk[ink].push(run);
      }
      before = ink;
      if (cell & ALARM) {
        marks.push(where);
      } else if (cell & HATCH) {
        hatched.push(where);
      }
    }
  }
  const x = (where: number) => edge(scale, where % count);
  const y = (where: number) => top + row * (Math.floor(where / count) - first);
  const width = Math.max(1, scale.band - gapX);
  byInk.forEach((places, ink) => {
    context.fillStyle = ink === QUALITY ? inks.quality : inks.steps[ink];
    for (const [where, length] of places) {
      context.fillRect(x(where), y(where), width + scale.band * (length - 1), height);
    }
  });
  context.strokeStyle = inks.hatch;
  context.lineWidth = 1;
  context.beginPath();
  for (const where of hatched) {
    hatch(context, x(where), y(where), width, height);
  }
  context.stroke();
  for (const where of marks) {
    mark(context, inks, x(where), y(where), width, height);
  }
}

/** Two strokes across a cell: too few rows to be sure. */
function hatch(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  width: number,
  height: number
): void {
  const size = Math.min(width, height);
  const middle = x + width / 2;
  context.moveTo(middle - size / 2, y + height - 1);
  context.lineTo(middle + size / 2, y + height - 1 - size + 1);
}

/** A diamond with a rim, so that it stands on every colour; where there is no room, a bar. */
function mark(
  context: CanvasRenderingContext2D,
  inks: IInks,
  x: number,
  y: number,
  width: number,
  height: number
): void {
  const [cx, cy] = [x + width / 2, y + height / 2];
  if (width < 5) {
    context.fillStyle = inks.mark;
    context.fillRect(x, cy - 2, Math.max(1, width), 4);
    return;
  }
  const size = Math.min(4, height / 2 - 1, width / 2);
  for (const [color, reach] of [
    [inks.ground, size + 1],
    [inks.mark, size]
  ] as const) {
    context.fillStyle = color;
    context.beginPath();
    context.moveTo(cx, cy - reach);
    context.lineTo(cx + reach, cy);
    context.lineTo(cx, cy + reach);
    context.lineTo(cx - reach, cy);
    context.closePath();
    context.fill();
  }
}
