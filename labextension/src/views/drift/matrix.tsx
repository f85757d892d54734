import {
  memo,
  useCallback,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState
} from 'react';
import type { KeyboardEvent, PointerEvent, ReactElement } from 'react';
import { moveTo } from '../roving';
import { useText } from '../text';
import type { Translate } from '../text';
import { useTheme } from '../theme';
import { useHover } from './brush';
import { useShown } from './context';
import { at, finite, formatEffect, limitOf, measureLabel, stateText } from './facts';
import { useHost } from './host';
import type { IInks } from './matrix-paint';
import { cellsOf, inksOf, paintRows } from './matrix-paint';
import type { IScale } from './scale';
import { chunkAt, edge } from './scale';
import type { IColumn, IEvaluation, IQuality, Measure } from './state';

export const ROW = 14;
/** So many rows are seen at once; the others are scrolled to. */
const MOST_ROWS = 26;
/** Between the features and the row of data quality. */
const GAP = 6;

/** Each feature in each chunk, by a colour; on the time axis of the timeline above. */
export const Matrix = memo(
  (props: {
    columns: readonly IColumn[];
    scale: IScale;
    measure: Measure;
    shown: string | null;
    onOpen: (column: IColumn, chunk: number) => void;
  }): ReactElement => {
    const { columns, scale, measure, shown, onOpen } = props;
    const t = useText();
    const { evaluation, brush } = useShown();
    const { choose } = useHost();
    const theme = useTheme();
    const id = useId();
    const { chunks } = evaluation;
    const canvas = useRef<HTMLCanvasElement>(null);
    const scroller = useRef<HTMLDivElement>(null);
    const inks = useRef<{ theme: number; inks: IInks } | null>(null);
    const [scroll, setScroll] = useState(0);
    const [active, setActive] = useState({ row: 0, chunk: Math.max(0, chunks.length - 1) });
    const [focused, setFocused] = useState(false);
    const cells = useMemo(
      () => cellsOf(columns, chunks.length, measure),
      [columns, chunks.length, measure]
    );
    const quality = useMemo(() => qualityOf(evaluation), [evaluation]);
    const body = Math.min(MOST_ROWS, Math.max(1, columns.length)) * ROW;
    const height = body + GAP + ROW;
    const first = Math.max(0, Math.floor(scroll / ROW));
    const last = Math.min(columns.length, first + Math.ceil(body / ROW) + 1);
    const width = scale.left + scale.width;

    useLayoutEffect(() => {
      const node = canvas.current;
      const context = node?.getContext('2d');
      if (!node || !context) {
        return;
      }
      if (inks.current?.theme !== theme) {
        inks.current = { theme, inks: inksOf(node) };
      }
      const ratio = window.devicePixelRatio || 1;
      const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
      if (node.width !== wide || node.height !== high) {
        // Another size takes other memory: only where it must.
        node.width = wide;
        node.height = high;
      }
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, height);
      context.save();
      context.beginPath();
      context.rect(0, 0, width, body);
      context.clip();
      const paint = { scale, inks: inks.current.inks, chunks, row: ROW };
      paintRows(context, { ...paint, cells, first, last, top: first * ROW - scroll });
      context.restore();
      const strip = Uint8Array.from(chunks, (_, i) => (quality[i].length > 0 ? 6 : 0));
      paintRows(context, { ...paint, cells: strip, first: 0, last: 1, top: body + GAP });
    }, [cells, quality, scale, first, last, scroll, width, height, body, chunks, theme]);

    // The row of data quality comes after the features.
    const rows = columns.length + 1;
    const rowAt = useCallback(
      (y: number) => {
        if (y >= body) {
          return y >= body + GAP ? columns.length : null;
        }
        const row = Math.floor((y + scroll) / ROW);
        return row < columns.length ? row : null;
      },
      [body, columns.length, scroll]
    );
    const top = (row: number) => (row < columns.length ? row * ROW - scroll : body + GAP);
    // Where a row ends on the time axis: what is said of it stands there.
    const under = (row: number | null) =>
      row === null ? null : (scroller.current?.offsetTop ?? 0) + top(row) + ROW;
    const place = (event: PointerEvent) => {
      const box = scroller.current!.getBoundingClientRect();
      const row = rowAt(event.clientY - box.top);
      return { row, chunk: chunkAt(scale, event.clientX - box.left), y: under(row) };
    };
    useEffect(() => {
      // What the keyboard stands on is always seen.
      const node = scroller.current;
      if (node !== null && focused && active.row < columns.length) {
        const [low, high] = [active.row * ROW, (active.row + 1) * ROW];
        if (low < node.scrollTop) {
          node.scrollTop = low;
        } else if (high > node.scrollTop + body) {
          node.scrollTop = high - body;
        }
      }
    }, [active.row, body, columns.length, focused]);

    const open = (row: number, chunk: number) => {
      if (row < columns.length) {
        onOpen(columns[row], chunk);
      } else {
        choose({ from: chunk, until: chunk });
      }
    };
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) {
        return;
      }
      const chunk = {
        ArrowLeft: active.chunk - 1,
        ArrowRight: active.chunk + 1,
        Home: 0,
        End: chunks.length - 1
      }[event.key];
      const row = /^(Home|End)$/.test(event.key) ? undefined : moveTo(event.key, active.row, rows);
      if (event.key === 'Enter' || event.key === ' ') {
        open(active.row, active.chunk);
      } else if (chunk !== undefined || row !== undefined) {
        const next = {
          row: row ?? active.row,
          chunk: Math.max(0, Math.min(chunks.length - 1, chunk ?? active.chunk))
        };
        setActive(next);
        brush.point({ ...next, y: under(next.row) });
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    };
    const stands = { row: Math.min(active.row, rows - 1), chunk: active.chunk };
    return (
      <div
        ref={scroller}
        className="jp-MlopsLab-drift-matrix"
        style={{ height }}
        role="grid"
        tabIndex={0}
        aria-label={t('Features by chunk; a coloured cell is above its natural range')}
        aria-rowcount={rows}
        aria-colcount={chunks.length}
        aria-activedescendant={focused ? `${id}-cell` : undefined}
        onScroll={event => setScroll(event.currentTarget.scrollTop)}
        onFocus={() => setFocused(true)}
        onBlur={() => {
          setFocused(false);
          brush.point(null);
        }}
        onKeyDown={onKeyDown}
        onPointerMove={event => brush.point(place(event))}
        onPointerDown={event => {
          const { row, chunk } = place(event);
          if (row !== null) {
            setActive({ row, chunk });
            if (row < columns.length) {
              choose({ column: columns[row].name });
            }
          }
        }}
      >
        <div style={{ height: columns.length * ROW + GAP + ROW }}>
          <div className="jp-MlopsLab-drift-pinned" style={{ height }}>
            <canvas ref={canvas} style={{ width, height }} aria-hidden="true" />
            <div
              className="jp-MlopsLab-drift-labels"
              style={{ width: scale.left - 6, height: body }}
              aria-hidden="true"
            >
              {columns.slice(first, last).map((column, i) => (
                <span
                  key={column.name}
                  className={column.name === shown ? 'jp-mod-shown' : ''}
                  style={{ top: (first + i) * ROW - scroll }}
                  title={labelTitle(column, t)}
                >
                  {column.name}
                </span>
              ))}
            </div>
            <div
              className="jp-MlopsLab-drift-labels"
              style={{ width: scale.left - 6, top: body + GAP, height: ROW }}
              aria-hidden="true"
            >
              <span style={{ top: 0 }}>{t('data quality')}</span>
            </div>
            {focused && (
              <div
                role="row"
                aria-rowindex={stands.row + 1}
                className={
                  top(stands.row) < 0 || (top(stands.row) >= body && stands.row < columns.length)
                    ? 'jp-MlopsLab-unseen'
                    : 'jp-MlopsLab-drift-active'
                }
                style={{
                  left: edge(scale, stands.chunk) - 1,
                  top: top(stands.row) - 1,
                  width: Math.max(5, scale.band + 1),
                  height: ROW + 1
                }}
              >
                <span
                  id={`${id}-cell`}
                  role="gridcell"
                  aria-colindex={stands.chunk + 1}
                  aria-selected={columns[stands.row]?.name === shown}
                  aria-label={cellText(
                    evaluation,
                    columns[stands.row],
                    quality,
                    stands.chunk,
                    measure,
                    t
                  )}
                />
              </div>
            )}
          </div>
        </div>
      </div>
    );
  }
);

/** What the pointer is on, said beside it. */
export function MatrixTip(props: {
  columns: readonly IColumn[];
  measure: Measure;
  row: number;
  chunk: number;
}): ReactElement | null {
  const { columns, measure, row, chunk } = props;
  const t = useText();
  const { evaluation } = useShown();
  const quality = useMemo(() => qualityOf(evaluation), [evaluation]);
  if (row >= columns.length) {
    const found = quality[chunk] ?? [];
    return found.length === 0 ? (
      <div className="jp-MlopsLab-muted">{t('no finding of data quality')}</div>
    ) : (
      <>
        {found.slice(0, 4).map((one, i) => (
          <div key={i}>{one.sentence}</div>
        ))}
        {found.length > 4 && <div>{t('and %1 more', found.length - 4)}</div>}
      </>
    );
  }
  const column = columns[row];
  const value = at(column[measure], chunk);
  const missing = at(column.missing, chunk);
  const outside = at(column.outside?.share, chunk);
  return (
    <>
      <div>
        <b>{column.name}</b> {measureLabel(column, measure)} <b>{formatEffect(value)}</b>
        {', '}
        {limitText(column, measure, chunk, t)}
      </div>
      <div>{stateText(column.states[chunk], t)}</div>
      {missing !== null && missing > 0 && <div>{t('%1 missing', percent(missing))}</div>}
      {outside !== null && outside > 0 && (
        <div>{t('%1 outside of the training range', percent(outside))}</div>
      )}
    </>
  );
}

export function useMatrixHover(): { row: number; chunk: number } | null {
  const { brush } = useShown();
  const hover = useHover(brush);
  return hover === null || hover.row === null ? null : { row: hover.row, chunk: hover.chunk };
}

function limitText(column: IColumn, measure: Measure, chunk: number, t: Translate): string {
  const limit = formatEffect(limitOf(column, measure, chunk));
  if (measure !== 'effect') {
    return t('quiet chunks up to %1', limit);
  }
  const natural = at(column.naturals, chunk) ?? finite(column.natural);
  return natural === null
    ? t('natural range not known')
    : t(column.provisional ? 'natural %1 (provisional)' : 'natural %1', formatEffect(natural));
}

function labelTitle(column: IColumn, t: Translate): string {
  const kind = column.declared ? t('%1, declared', column.kind) : t('%1, inferred', column.kind);
  const role = column.role === 'feature' ? '' : `, ${column.role}`;
  return `${column.name}: ${kind}${role}`;
}

/** A cell in words, for who cannot see its colour. */
export function cellText(
  evaluation: IEvaluation,
  column: IColumn | undefined,
  quality: readonly (readonly IQuality[])[],
  chunk: number,
  measure: Measure,
  t: Translate
): string {
  const when = evaluation.chunks[chunk]?.label ?? '';
  if (column === undefined) {
    const found = quality[chunk] ?? [];
    const told = found.length === 0 ? t('no finding') : found.map(one => one.sentence).join(' ');
    return `${t('data quality')}, ${when}: ${told}`;
  }
  const value = at(column[measure], chunk);
  const limit = limitText(column, measure, chunk, t);
  const said = `${measureLabel(column, measure)} ${formatEffect(value)}, ${limit}`;
  return `${column.name}, ${when}: ${said}, ${stateText(column.states[chunk], t)}`;
}

/** The findings of each chunk. */
export function qualityOf(evaluation: IEvaluation): readonly (readonly IQuality[])[] {
  const places = new Map(evaluation.chunks.map((chunk, i) => [chunk.key, i]));
  const found: IQuality[][] = evaluation.chunks.map(() => []);
  for (const one of evaluation.quality) {
    const chunk = one.chunk === null ? undefined : places.get(one.chunk);
    if (chunk !== undefined) {
      found[chunk].push(one);
    }
  }
  return found;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
