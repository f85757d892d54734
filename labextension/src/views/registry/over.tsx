import { useId, useRef, useState } from 'react';
import type { CSSProperties, KeyboardEvent, ReactElement } from 'react';
import { formatMetric } from '../../components/format';
import { axis, tickDigits } from '../axis';
import { useWidth } from '../hooks';
import { toNumber } from '../number';
import { useText } from '../text';
import type { Translate } from '../text';
import { difference } from './facts';
import { useHost } from './host';
import { Difference } from './parts';
import type { Direction, IModelPage, IVersionRow } from './state';

const HEIGHT = 168;
const LEFT = 44;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 34;
/** Room that the name of a version takes on the axis. */
const LABEL = 34;

interface IPoint {
  row: IVersionRow;
  /** Its place among all versions: the charts beside each other have one axis. */
  place: number;
  value: number;
  champion: number | null;
}

/** One metric over the versions: each beside the champion of its day, on the same rows. */
export function OverVersions(props: {
  page: IModelPage;
  metric: string;
  shown: number;
}): ReactElement | null {
  const { page, metric, shown } = props;
  const t = useText();
  const { choose } = useHost();
  const frame = useRef<HTMLElement>(null);
  const width = useWidth(frame, 320);
  const [at, setAt] = useState<number | null>(null);
  const caption = useId();
  const points = pointsOf(page, metric);
  if (points.length === 0) {
    return null;
  }
  const goal = page.goals[metric];
  const { low, high, ticks } = axis(points.flatMap(({ value, champion }) => [value, champion]));
  const band = (width - LEFT - RIGHT) / page.versions.length;
  const x = ({ place }: IPoint) => LEFT + band * (place + 0.5);
  const y = (value: number) =>
    TOP + (HEIGHT - TOP - BOTTOM) * (high === low ? 0.5 : (high - value) / (high - low));
  const every = Math.max(1, Math.ceil(LABEL / band));
  const onKeyDown = (event: KeyboardEvent) => {
    const last = points.length - 1;
    const next = {
      ArrowLeft: (at ?? last + 1) - 1,
      ArrowRight: (at ?? -1) + 1,
      Home: 0,
      End: last
    }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      setAt(Math.max(0, Math.min(last, next)));
    } else if (event.key === 'Enter' && at !== null) {
      event.preventDefault();
      event.stopPropagation();
      choose({ version: points[at].row.version });
    }
  };
  const told = at === null ? null : points[at];
  return (
    <figure ref={frame} className="jp-MlopsLab-reg-over" aria-labelledby={caption}>
      <figcaption id={caption}>
        <span>
          <b>{metric}</b>
          {goal !== undefined &&
            `, ${goal === 'max' ? t('higher is better') : t('lower is better')}`}
        </span>
      </figcaption>
      <svg
        width={width}
        height={HEIGHT}
        viewBox={`0 0 ${width} ${HEIGHT}`}
        role="img"
        aria-label={describe(points, metric, t)}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onBlur={() => setAt(null)}
        onMouseLeave={() => setAt(null)}
      >
        {ticks.map(tick => (
          <g key={tick}>
            <path className="jp-mod-grid" d={`M${LEFT} ${y(tick)}H${width - RIGHT}`} />
            <text x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {formatMetric(metric, tick, tickDigits(ticks))}
            </text>
          </g>
        ))}
        {points.map((point, i) => {
          const { row, place, value, champion } = point;
          const verdict =
            champion === null ? null : difference(metric, value, champion, goal)?.verdict;
          return (
            <g
              key={row.version}
              className={row.version === shown ? 'jp-mod-shown' : ''}
              onMouseEnter={() => setAt(i)}
              onClick={() => choose({ version: row.version })}
            >
              <rect
                className={`jp-mod-band${i === at ? ' jp-mod-at' : ''}`}
                x={x(point) - band / 2}
                y={TOP - 6}
                width={Math.max(1, band)}
                height={HEIGHT - TOP - BOTTOM + 12}
              />
              {champion !== null && (
                <>
                  <path
                    className={`jp-mod-gap jp-mod-${verdict ?? 'same'}`}
                    d={`M${x(point)} ${y(champion)}V${y(value)}`}
                  />
                  <circle className="jp-mod-champion" cx={x(point)} cy={y(champion)} r="4" />
                </>
              )}
              <Mark row={row} x={x(point)} y={y(value)} />
              {(page.versions.length - 1 - place) % every === 0 && (
                <text
                  className={row.version === shown ? 'jp-mod-strong' : ''}
                  x={x(point)}
                  y={HEIGHT - BOTTOM + 18}
                  textAnchor="middle"
                >
                  {row.version}
                </text>
              )}
            </g>
          );
        })}
        <text className="jp-mod-axis" x={width - RIGHT} y={HEIGHT - 2} textAnchor="end">
          {t('version')}
        </text>
      </svg>
      {told !== null && (
        <Told
          point={told}
          metric={metric}
          goal={goal}
          style={
            x(told) > width / 2
              ? { right: width - x(told) + band / 2 }
              : { left: x(told) + band / 2 }
          }
        />
      )}
      <span className="jp-MlopsLab-unseen" aria-live="polite">
        {told !== null && spoken(told, metric, t)}
      </span>
    </figure>
  );
}

/** A rejected version is a cross: its colour alone would not say so. */
export function Mark({ row, x, y }: { row: IVersionRow; x: number; y: number }): ReactElement {
  return row.judgement?.outcome === 'rejected' ? (
    <path className="jp-mod-rejected" d={`M${x - 3.5} ${y - 3.5}l7 7m0 -7l-7 7`} />
  ) : (
    <circle className="jp-mod-own" cx={x} cy={y} r="4" />
  );
}

/** What floats beside the version under the pointer; it is spoken elsewhere. */
function Told(props: {
  point: IPoint;
  metric: string;
  goal: Direction | undefined;
  style: CSSProperties;
}): ReactElement {
  const { metric, goal, style } = props;
  const { row, value, champion } = props.point;
  const t = useText();
  return (
    <div className="jp-MlopsLab-reg-told" style={style} aria-hidden="true">
      <div>
        {t('version %1', row.version)} <b>{formatMetric(metric, value, 4)}</b>
      </div>
      {champion !== null && row.champion !== null && (
        <div>
          {t('champion %1', row.champion.version)} {formatMetric(metric, champion, 4)}{' '}
          <Difference metric={metric} value={value} before={champion} direction={goal} />
        </div>
      )}
      {row.judgement?.outcome === 'rejected' && (
        <div className="jp-MlopsLab-reg-wrong">{t('rejected')}</div>
      )}
    </div>
  );
}

export function OverLegend({ page }: { page: IModelPage }): ReactElement {
  const t = useText();
  const rejected = page.versions.some(row => row.judgement?.outcome === 'rejected');
  const champion = page.versions.some(row => row.champion !== null);
  return (
    <div className="jp-MlopsLab-reg-legend" aria-hidden="true">
      <span>
        <svg width="10" height="10" viewBox="0 0 10 10">
          <circle className="jp-mod-own" cx="5" cy="5" r="4" />
        </svg>
        {t('this version')}
      </span>
      {champion && (
        <span>
          <svg width="10" height="10" viewBox="0 0 10 10">
            <circle className="jp-mod-champion" cx="5" cy="5" r="4" />
          </svg>
          {t('champion of that day on the same rows')}
        </span>
      )}
      {rejected && (
        <span>
          <svg width="10" height="10" viewBox="0 0 10 10">
            <path className="jp-mod-rejected" d="M1.5 1.5l7 7m0 -7l-7 7" />
          </svg>
          {t('rejected')}
        </span>
      )}
    </div>
  );
}

/** The finite values, oldest version first. */
function pointsOf(page: IModelPage, metric: string): IPoint[] {
  return [...page.versions].reverse().flatMap((row, place) => {
    const value = toNumber(row.metrics[metric]);
    const champion = toNumber(row.champion?.metrics[metric]);
    return value === null || !Number.isFinite(value)
      ? []
      : [
          {
            row,
            place,
            value,
            champion: champion !== null && Number.isFinite(champion) ? champion : null
          }
        ];
  });
}

function describe(points: readonly IPoint[], metric: string, t: Translate): string {
  const last = points[points.length - 1];
  return [
    t('%1 over %2 versions', metric, points.length),
    t('last %1', formatMetric(metric, last.value)),
    last.row.champion !== null && last.champion !== null
      ? t('champion %1 then %2', last.row.champion.version, formatMetric(metric, last.champion))
      : ''
  ]
    .filter(part => part !== '')
    .join(', ');
}

function spoken(point: IPoint, metric: string, t: Translate): string {
  const words = [
    t('version %1', point.row.version),
    `${metric} ${formatMetric(metric, point.value)}`,
    point.row.judgement?.outcome === 'rejected' ? t('rejected') : ''
  ];
  if (point.champion !== null && point.row.champion !== null) {
    const value = formatMetric(metric, point.champion);
    words.push(t('champion %1 on the same rows %2', point.row.champion.version, value));
  }
  return words.filter(word => word !== '').join(', ');
}
