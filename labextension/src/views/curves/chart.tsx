import { useEffect, useId, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';
import { formatMetric } from '../../components/format';
import { useSeen, useWidth } from '../hooks';
import { useText } from '../text';
import type { Translate } from '../text';
import { useTheme } from '../theme';
import { Plot } from './plot';
import type { IPlotData } from './plot';
import { align, clock, extent, finite, nearest, positions, strangers } from './series';
import type { IAligned, IChart, ILine } from './series';
import type { XAxis } from './state';

const HEIGHT = 148;

export interface ICurveChartProps {
  chart: IChart;
  x: XAxis;
  origin: number | null;
  planned: number | null;
  live: boolean;
  log: boolean;
  /** Charts of one name move their cursors together. */
  sync: string;
  /** Absent where there is nothing to choose. */
  onLog?: (log: boolean) => void;
}

/** One chart: its name and its values above, the lines, what is not shown below. */
export function CurveChart(props: ICurveChartProps): ReactElement {
  const { chart, x, origin, log, onLog } = props;
  const t = useText();
  const frame = useRef<HTMLDivElement>(null);
  const seen = useSeen(frame);
  const aligned = useMemo(() => align(chart, { x, origin, log }), [chart, x, origin, log]);
  const [cursor, setCursor] = useState<number | null>(null);
  const at = cursor !== null && cursor < aligned.xs.length ? cursor : null;
  const title = useId();
  const positive = useMemo(() => canLog(chart), [chart]);
  return (
    <figure ref={frame} className="jp-MlopsLab-curve" aria-labelledby={title}>
      <figcaption className="jp-MlopsLab-curve-head">
        <span id={title} className="jp-MlopsLab-curve-title" title={chart.title}>
          {chart.title}
        </span>
        <Readout chart={chart} aligned={aligned} at={at} x={x} />
        {onLog && (
          <button
            type="button"
            className="jp-MlopsLab-curve-log"
            aria-pressed={log}
            disabled={!positive && !log}
            title={positive ? t('Logarithmic axis') : t('No value is above zero')}
            onClick={() => onLog(!log)}
          >
            log
          </button>
        )}
      </figcaption>
      {seen ? (
        <Canvas {...props} aligned={aligned} cursor={at} onCursor={setCursor} />
      ) : (
        <div style={{ height: HEIGHT }} />
      )}
      <div className="jp-MlopsLab-curve-foot">
        <span>{remarks(chart, aligned, t).join(' · ')}</span>
        <span>{x === 'time' ? t('elapsed') : t('step')}</span>
      </div>
    </figure>
  );
}

/** The values of the lines: at the cursor, else the last ones. */
function Readout(props: {
  chart: IChart;
  aligned: IAligned;
  at: number | null;
  x: XAxis;
}): ReactElement {
  const { chart, aligned, at, x } = props;
  return (
    <span className="jp-MlopsLab-curve-values">
      {at !== null && <span className="jp-MlopsLab-curve-at">{position(aligned.xs[at], x)}</span>}
      {chart.lines.map((line, i) => (
        <span key={line.key} className="jp-MlopsLab-curve-value" title={line.key}>
          {chart.lines.length > 1 && (
            <>
              <i className={swatch(line)} aria-hidden="true" />
              {line.label !== '' && <span>{line.label}</span>}
            </>
          )}
          <b>{valueText(aligned.ys[i], at, line)}</b>
        </span>
      ))}
    </span>
  );
}

/** The drawing itself, for mouse, keyboard and screen reader. */
function Canvas(
  props: ICurveChartProps & {
    aligned: IAligned;
    cursor: number | null;
    onCursor: (index: number | null) => void;
  }
): ReactElement {
  const { chart, x, log, sync, planned, live, aligned, cursor, onCursor } = props;
  const t = useText();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const width = useWidth(host, 278);
  const theme = useTheme();
  const [focused, setFocused] = useState(false);
  const data: IPlotData = { aligned, planned, live };
  // What makes a new plot; new points of the same lines do not.
  const shape = chart.lines.map(line => `${line.key}:${line.color}`).join('\n');

  useEffect(() => {
    if (host.current === null || !canDraw()) {
      return;
    }
    const options = { chart, x, log, sync, width, height: HEIGHT };
    plot.current = new Plot(host.current, options, data, onCursor);
    return () => {
      plot.current?.destroy();
      plot.current = null;
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the effects below bring the rest
  }, [shape, x, log, sync, theme]);

  useEffect(() => plot.current?.update({ aligned, planned, live }), [aligned, planned, live]);
  useEffect(() => plot.current?.resize(width, HEIGHT), [width]);

  const onKeyDown = (event: KeyboardEvent) => {
    const target = moved(event, cursor, aligned.xs.length - 1);
    if (target !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      plot.current?.point(target);
      onCursor(target);
    }
  };
  return (
    <div
      ref={host}
      className="jp-MlopsLab-curve-plot"
      role="img"
      aria-label={describe(chart, x, t)}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onFocus={() => setFocused(true)}
      onBlur={() => {
        setFocused(false);
        plot.current?.point(null);
        onCursor(null);
      }}
      style={{ height: HEIGHT }}
    >
      <span className="jp-MlopsLab-unseen" aria-live="polite">
        {focused && cursor !== null ? spoken(chart, aligned, cursor, x) : ''}
      </span>
    </div>
  );
}

/** Where a key takes the cursor; undefined for a key that is not ours. */
export function moved(
  event: Pick<KeyboardEvent, 'key' | 'shiftKey'>,
  cursor: number | null,
  last: number
): number | null | undefined {
  const step = event.shiftKey ? 10 : 1;
  switch (event.key) {
    case 'ArrowRight':
      return Math.min(last, (cursor ?? -1) + step);
    case 'ArrowLeft':
      return Math.max(0, (cursor ?? last + 1) - step);
    case 'Home':
      return 0;
    case 'End':
      return last;
    case 'Escape':
      return cursor === null ? undefined : null;
    default:
      return undefined;
  }
}

/** A chart in words: what its lines do, for those who cannot see it. */
export function describe(chart: IChart, x: XAxis, t: Translate): string {
  return chart.lines
    .map(line => {
      const found = extent(line.series);
      if (found === null) {
        return t('%1: no finite value', line.key);
      }
      const at = positions(line.series, x, null);
      const value = (index: number) =>
        formatMetric(line.series.key, line.series.values[index] as number, 4);
      return [
        t('%1: %2 points', line.key, line.series.n.toLocaleString('en')),
        t('from %1 to %2', value(found.first), value(found.last)),
        t('lowest %1 at %2', value(found.lowest), position(at[found.lowest], x)),
        t('highest %1 at %2', value(found.highest), position(at[found.highest], x))
      ].join(', ');
    })
    .join('. ');
}

function spoken(chart: IChart, aligned: IAligned, at: number, x: XAxis): string {
  const values = chart.lines.map(
    (line, i) => `${line.label || line.key} ${valueText(aligned.ys[i], at, line)}`
  );
  return `${position(aligned.xs[at], x)}: ${values.join(', ')}`;
}

function valueText(
  values: readonly (number | null | undefined)[],
  at: number | null,
  line: ILine
): string {
  if (at === null) {
    const found = extent(line.series);
    const last = found && finite(line.series.values[found.last]);
    return last === null ? '–' : formatMetric(line.series.key, last, 4);
  }
  // A line without a point here shows its nearest one, as its dot does; a gap shows nothing.
  const index = values[at] === null ? null : nearest(values, at);
  return index === null ? '–' : formatMetric(line.series.key, values[index] as number, 4);
}

function position(value: number, x: XAxis): string {
  return x === 'time' ? clock(value) : value.toLocaleString('en');
}

function swatch(line: ILine): string {
  const style = line.dashed ? 'jp-mod-dash' : 'jp-mod-line';
  return `jp-MlopsLab-swatch ${style} jp-mod-series-${line.color}`;
}

function remarks(chart: IChart, aligned: IAligned, t: Translate): string[] {
  const odd = chart.lines.reduce((sum, line) => sum + strangers(line.series), 0);
  const thinned = chart.lines.find(line => line.series.downsampled);
  return [
    ...(thinned ? [t('%1 points, thinned', thinned.series.n.toLocaleString('en'))] : []),
    ...(odd > 0 ? [t('× %1 not finite', odd)] : []),
    ...(aligned.hidden > 0 ? [t('%1 at or below zero', aligned.hidden)] : [])
  ];
}

function canLog(chart: IChart): boolean {
  return chart.lines.some(line => line.series.values.some(value => (finite(value) ?? 0) > 0));
}

/** jsdom and very old browsers draw nothing; the words around the canvas stay. */
function canDraw(): boolean {
  return document.createElement('canvas').getContext('2d') !== null;
}
