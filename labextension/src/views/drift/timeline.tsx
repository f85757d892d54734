import { memo, useId, useState } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';
import { axis, tickDigits } from '../axis';
import { formatShare, formatValue } from '../../components/format';
import { useText } from '../text';
import type { Translate } from '../text';
import { useHover } from './brush';
import { useShown } from './context';
import { at, formatOf, titled } from './facts';
import type { IPlotted } from './metrics';
import { areaPath, linePath, naturalBands } from './metrics';
import type { IScale, ITick } from './scale';
import { edge, middle } from './scale';
import type { IEvaluation, IPerformance } from './state';

const HEIGHT = 92;
const TOP = 8;
/** The width of a letter, and of a number of the axis with its distance. */
const LETTER = 6.2;
const NUMBER = 46;

/** The metrics over time, one below the other, on the axis of the matrix. */
export const Timeline = memo(
  (props: {
    performance: IPerformance;
    plots: readonly IPlotted[];
    scale: IScale;
    ticks: readonly ITick[];
  }): ReactElement => {
    const { performance, plots, scale, ticks } = props;
    const t = useText();
    const { evaluation, brush } = useShown();
    const [at, setAt] = useState<number | null>(null);
    const last = evaluation.chunks.length - 1;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) {
        return;
      }
      const next = {
        ArrowLeft: (at ?? last + 1) - 1,
        ArrowRight: (at ?? -1) + 1,
        Home: 0,
        End: last
      }[event.key];
      if (next !== undefined) {
        event.preventDefault();
        event.stopPropagation();
        const chunk = Math.max(0, Math.min(last, next));
        setAt(chunk);
        brush.point({ chunk, row: null, y: null });
      }
    };
    return (
      <div
        className="jp-MlopsLab-drift-plots"
        role="img"
        tabIndex={0}
        aria-label={describe(evaluation, performance, plots, t)}
        onKeyDown={onKeyDown}
        onBlur={() => {
          setAt(null);
          brush.point(null);
        }}
      >
        {plots.map(plot => (
          <Plot key={plot.key} plot={plot} performance={performance} scale={scale} ticks={ticks} />
        ))}
        <span className="jp-MlopsLab-unseen" aria-live="polite">
          {at !== null && spoken(evaluation, performance, plots, at, t)}
        </span>
      </div>
    );
  }
);

function Plot(props: {
  plot: IPlotted;
  performance: IPerformance;
  scale: IScale;
  ticks: readonly ITick[];
}): ReactElement {
  const { plot, performance, scale, ticks } = props;
  const { key, metric, estimated, estimatedLow, estimatedHigh } = plot;
  const { evaluation } = useShown();
  const clip = useId().replace(/:/g, '');
  const chunks = evaluation.chunks;
  const right = scale.left + scale.width;
  const values = [metric.realised, estimated].flatMap(series =>
    series.map((_, i) => at(series, i))
  );
  // Intervals count as well, except those of labels that are still to come.
  const ends = [metric.low, metric.high].flatMap(series =>
    series.map((_, i) => (performance.mature[i] === false ? null : at(series, i)))
  );
  const {
    low,
    high,
    ticks: lines
  } = axis(values.some(value => value !== null) ? [...values, ...ends] : [0, 1]);
  const x = (chunk: number) => middle(scale, chunk);
  const y = (value: number) =>
    TOP + (HEIGHT - TOP) * (high === low ? 0.5 : (high - value) / (high - low));
  const mature = (chunk: number) => performance.mature[chunk] !== false;
  const immature = (chunk: number) =>
    !mature(chunk) || (chunk + 1 < chunks.length && !mature(chunk + 1));
  const digits = tickDigits(lines);
  // Whether the name leaves room for a number beside it.
  const beside = metric.label.length * LETTER + NUMBER < scale.left;
  return (
    <svg width={right + 8} height={HEIGHT + 6} aria-hidden="true">
      <defs>
        <clipPath id={`${clip}c`}>
          <rect x={scale.left} y={0} width={scale.width} height={HEIGHT + 3} />
        </clipPath>
        <pattern
          id={`${clip}h`}
          width="5"
          height="5"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <path className="jp-mod-hatch" d="M0 0V5" />
        </pattern>
      </defs>
      <text className="jp-mod-name" x={0} y={TOP + 8}>
        {titled(metric.label)}
      </text>
      {ticks.map(({ chunk }) => (
        <path key={chunk} className="jp-mod-grid" d={`M${edge(scale, chunk)} ${TOP}V${HEIGHT}`} />
      ))}
      {lines.map(line => (
        <g key={line}>
          <path className="jp-mod-grid" d={`M${scale.left} ${y(line)}H${right}`} />
          {(beside || y(line) > TOP + 18) && (
            <text x={scale.left - 6} y={y(line) + 4} textAnchor="end">
              {tickText(key, line, digits)}
            </text>
          )}
        </g>
      ))}
      <g clipPath={`url(#${clip}c)`}>
        {naturalBands(metric, chunks.length).map(({ first, count, low, high }) => (
          <rect
            key={first}
            className="jp-mod-natural"
            x={edge(scale, first)}
            width={scale.band * count}
            y={Math.min(y(high), y(low))}
            height={Math.max(1, Math.abs(y(low) - y(high)))}
          />
        ))}
        {chunks.map((chunk, i) =>
          mature(i) && chunk.state !== 'partial' ? null : (
            <g key={chunk.key}>
              {chunk.state === 'partial' && (
                <rect
                  className="jp-mod-partial"
                  x={edge(scale, i)}
                  y={TOP}
                  width={scale.band}
                  height={HEIGHT - TOP}
                />
              )}
              {!mature(i) && (
                <rect
                  fill={`url(#${clip}h)`}
                  x={edge(scale, i)}
                  y={TOP}
                  width={scale.band}
                  height={HEIGHT - TOP}
                />
              )}
            </g>
          )
        )}
        <path className="jp-mod-expected-band" d={areaPath(estimatedLow, estimatedHigh, x, y)} />
        <path className="jp-mod-realised-band" d={areaPath(metric.low, metric.high, x, y)} />
        <path className="jp-mod-expected" d={linePath(estimated, x, y)} />
        <path className="jp-mod-realised" d={linePath(metric.realised, x, y, mature)} />
        <path
          className="jp-mod-realised jp-mod-dotted"
          d={linePath(metric.realised, x, y, immature)}
        />
        {[...metric.states].map((state, i) => {
          const value = at(metric.realised, i);
          return value !== null && (state === 'a' || (!mature(i) && scale.band > 4)) ? (
            <circle
              key={i}
              className={`jp-mod-point${mature(i) ? '' : ' jp-mod-hollow'}`}
              cx={x(i)}
              cy={y(value)}
              r={mature(i) ? 3 : 2.5}
            />
          ) : null;
        })}
      </g>
    </svg>
  );
}

function tickText(key: string, value: number, digits: number): string {
  return key === 'positive_share' || key === 'mean_score' || key === 'accuracy'
    ? formatShare(value, Math.max(0, digits - 2))
    : formatValue(value, digits);
}

/** What the pointer is on: every metric that is drawn, realised and expected. */
export function PlotTip(props: {
  performance: IPerformance;
  plots: readonly IPlotted[];
  chunk: number;
}): ReactElement {
  const { performance, plots, chunk } = props;
  const t = useText();
  const maturity = at(performance.maturity, chunk);
  return (
    <>
      {plots.map(({ key, metric, estimated }) => {
        const [value, expected] = [at(metric.realised, chunk), at(estimated, chunk)];
        return (
          <div key={key}>
            {titled(metric.label)} <b>{formatOf(key, metric.unit, value)}</b>
            {expected !== null && (
              <span className="jp-MlopsLab-muted">
                {', '}
                {t('expected %1', formatOf(key, metric.unit, expected))}
              </span>
            )}
          </div>
        );
      })}
      {maturity !== null && maturity < 0.9995 && (
        <div className="jp-MlopsLab-muted">{t('labels %1', formatShare(maturity, 0))}</div>
      )}
    </>
  );
}

export function useTimelineHover(): number | null {
  const { brush } = useShown();
  return useHover(brush)?.chunk ?? null;
}

function describe(
  evaluation: IEvaluation,
  performance: IPerformance,
  plots: readonly IPlotted[],
  t: Translate
): string {
  const chunks = evaluation.chunks.length;
  const told = plots.map(({ key, metric }) => {
    const alarms = [...metric.states].filter(state => state === 'a').length;
    const values = metric.realised.map((_, i) => at(metric.realised, i));
    const last = values.filter(value => value !== null).pop() ?? null;
    const said = `${metric.label}: ${t('last %1', formatOf(key, metric.unit, last))}`;
    return alarms === 0 ? said : `${said}, ${t('%1 alerts', alarms)}`;
  });
  const immature = performance.mature.filter(one => !one).length;
  return [
    t('Performance over %1 chunks', chunks),
    ...told,
    immature > 0 ? t('labels of %1 chunks are not complete', immature) : '',
    t('arrow keys read the values')
  ]
    .filter(part => part !== '')
    .join('; ');
}

function spoken(
  evaluation: IEvaluation,
  performance: IPerformance,
  plots: readonly IPlotted[],
  chunk: number,
  t: Translate
): string {
  const told = plots.map(({ key, metric, estimated }) => {
    const expected = at(estimated, chunk);
    const value = formatOf(key, metric.unit, at(metric.realised, chunk));
    return expected === null
      ? `${metric.label} ${value}`
      : `${metric.label} ${value}, ${t('expected %1', formatOf(key, metric.unit, expected))}`;
  });
  const mature = performance.mature[chunk] !== false ? '' : t('labels are not complete');
  return [evaluation.chunks[chunk].label, ...told, mature].filter(Boolean).join('; ');
}
