import { useRef } from 'react';
import type { ReactElement } from 'react';
import { useNow } from '../../components/clock';
import { formatDuration, formatElapsed } from '../../components/format';
import { StatusGlyph } from '../../components/status-glyph';
import { useWidth } from '../hooks';
import { useText } from '../text';
import { layout } from './layout';
import type { IBar, ITimelineStep } from './layout';

const ROW = 30;
const BAR = 16;
const AXIS = 22;
const PER_LETTER = 6.2;
const HALF_LABEL = 16;
const ROOMY = 320;

export interface ITimelineProps {
  steps: readonly ITimelineStep[];
  /** What the gates said, at the end of the last step. */
  gates?: { text: string; tone: 'good' | 'warn' | 'bad' } | null;
  onOpen?: (id: string) => void;
}

/** The steps of a pipeline as bars over time, each with what came of it. */
export function Timeline({ steps, gates = null, onOpen }: ITimelineProps): ReactElement {
  const t = useText();
  const live = steps.some(step => step.status === 'running');
  const now = useNow(live ? 500 : 60_000);
  const track = useRef<HTMLDivElement>(null);
  const width = useWidth(track, 420);
  // Where there is little room it belongs to the bars; the gates have a list of their own.
  const said = gates !== null && width > ROOMY ? gates.text : null;
  const { bars, ticks, links, end } = layout(
    steps,
    width,
    now.getTime(),
    said === null ? 8 : 16 + PER_LETTER * said.length
  );
  const height = AXIS + steps.length * ROW;
  const top = (row: number) => AXIS + row * ROW + (ROW - BAR) / 2;
  return (
    <div className="jp-MlopsLab-timeline" role="list" aria-label={t('Steps')}>
      <div className="jp-MlopsLab-timeline-names" style={{ paddingTop: AXIS }}>
        {steps.map((step, row) => (
          <div key={step.id} role="listitem" style={{ height: ROW }} title={step.detail}>
            <StatusGlyph status={step.status} />
            <button
              type="button"
              className="jp-MlopsLab-timeline-name"
              onClick={() => onOpen?.(step.id)}
              disabled={onOpen === undefined}
              aria-label={spoken(step, bars[row])}
            >
              {step.name}
            </button>
            <span className="jp-MlopsLab-timeline-detail">{step.detail.split('/').pop()}</span>
          </div>
        ))}
      </div>
      <div ref={track} className="jp-MlopsLab-timeline-track">
        <svg width={width} height={height} aria-hidden="true" className="jp-MlopsLab-chart">
          {ticks.map(({ x, seconds }) => (
            <g key={seconds}>
              <path className="jp-mod-grid" d={`M${Math.round(x) + 0.5} ${AXIS}V${height}`} />
              {x + HALF_LABEL <= width && (
                <text x={x} y={13} textAnchor={x < 8 ? 'start' : 'middle'}>
                  {tickText(seconds)}
                </text>
              )}
            </g>
          ))}
          {links.map(([x, row]) => (
            <path
              key={row}
              className="jp-mod-axis"
              d={`M${x - 0.5} ${top(row) + BAR}V${top(row + 1)}`}
            />
          ))}
          {steps.map((step, row) => (
            <Bar key={step.id} step={step} bar={bars[row]} y={top(row)} limit={width} />
          ))}
          {gates !== null && end > 0 && !live && (
            <g className={`jp-MlopsLab-timeline-gates jp-mod-${gates.tone}`}>
              <path d={`M${end + 1} ${AXIS - 6}V${height}`} />
              <title>{gates.text}</title>
              <text x={end + 8} y={AXIS + 6}>
                {said}
              </text>
            </g>
          )}
        </svg>
      </div>
      <div className="jp-MlopsLab-timeline-results" style={{ paddingTop: AXIS }}>
        {steps.map(step => (
          <div key={step.id} style={{ height: ROW }} title={step.result}>
            {step.result}
          </div>
        ))}
      </div>
    </div>
  );
}

function Bar(props: {
  step: ITimelineStep;
  bar: IBar | null;
  y: number;
  limit: number;
}): ReactElement | null {
  const { step, bar, y, limit } = props;
  if (bar === null) {
    return null;
  }
  const took = step.status === 'running' ? formatElapsed(bar.seconds) : formatDuration(bar.seconds);
  // A short bar's duration stands behind it, or before it where there is no room behind.
  const behind = bar.x + bar.width + 52 < limit;
  const place = bar.roomy
    ? { x: bar.x + 6, textAnchor: 'start' as const, className: 'jp-mod-inside' }
    : behind
      ? { x: bar.x + bar.width + 5, textAnchor: 'start' as const }
      : { x: bar.x - 5, textAnchor: 'end' as const };
  return (
    <g className={`jp-MlopsLab-timeline-bar jp-mod-${step.status}`}>
      <rect x={bar.x} y={y} width={bar.width} height={BAR} rx={1.5} />
      <text y={y + 12} {...place}>
        {took}
      </text>
    </g>
  );
}

function spoken(step: ITimelineStep, bar: IBar | null): string {
  const took = bar === null ? '' : `, ${formatDuration(bar.seconds)}`;
  return `${step.name}, ${step.status}${took}${step.result ? `, ${step.result}` : ''}`;
}

function tickText(seconds: number): string {
  if (seconds === 0) {
    return '0 s';
  }
  if (seconds < 60) {
    return `${Number(seconds.toFixed(1))} s`;
  }
  return seconds < 3600 && seconds % 60 === 0 ? `${seconds / 60} min` : formatElapsed(seconds);
}
