import { useState } from 'react';
import type { ReactElement } from 'react';
import type { IColumnProfile } from '../../api/data';
import { formatCount, useWidth } from '../../components';
import { useText } from '../../views/text';
import type { Translate } from '../../views/text';
import { binsOf, overlay, placeOf, shareText, topShares, valueText } from './facts';
import type { IStep } from './facts';

interface IBar {
  /** What it stands for: `12 to 15`, `EWR`. */
  label: string;
  count: number;
  far: boolean;
}

/** The bars of a column: its histogram, else its most frequent values. */
function barsOf(column: IColumnProfile, t: Translate): IBar[] {
  const bins = binsOf(column);
  if (bins.length > 0) {
    return bins.map(({ from, to, count, far }) => ({
      label: t('%1 to %2', valueText(from, column.kind), valueText(to, column.kind)),
      count,
      far
    }));
  }
  return column.top.map(([value, count]) => ({
    label: value === '' ? t('(empty text)') : valueText(value, column.kind),
    count,
    far: false
  }));
}

function barText(bar: IBar, column: IColumnProfile): string {
  const share = shareText(bar.count / Math.max(1, column.count));
  return `${bar.label}: ${formatCount(bar.count)} (${share})`;
}

const SMALL = { width: 120, height: 24 };

/** The distribution of a column in a table's row; each bar says in its tooltip what it is. */
export function SmallHistogram({ column }: { column: IColumnProfile }): ReactElement | null {
  const t = useText();
  const bars = barsOf(column, t);
  return bars.length === 0 ? null : (
    <svg
      className="jp-MlopsLab-histogram"
      width={SMALL.width}
      height={SMALL.height}
      role="img"
      aria-label={describe(column, bars, t)}
    >
      <Bars bars={bars} {...SMALL} tip={bar => barText(bar, column)} />
    </svg>
  );
}

/** The same with room: the bar under the pointer is said above, the ends of the axis below. */
export function Histogram({ column }: { column: IColumnProfile }): ReactElement | null {
  const t = useText();
  const [ref, width] = useWidth<HTMLDivElement>();
  const [pointed, setPointed] = useState<number | null>(null);
  const bars = barsOf(column, t);
  if (bars.length === 0) {
    return null;
  }
  const bar = pointed === null ? undefined : bars[pointed];
  const bins = binsOf(column);
  return (
    <div ref={ref} className="jp-MlopsLab-distribution">
      <div className="jp-MlopsLab-distribution-head">
        {bar === undefined ? t('distribution') : barText(bar, column)}
      </div>
      {width > 0 && (
        <svg
          className="jp-MlopsLab-histogram"
          width={width}
          height={96}
          role="img"
          aria-label={describe(column, bars, t)}
          onPointerLeave={() => setPointed(null)}
        >
          <line className="jp-mod-axis" x1={0} x2={width} y1={95.5} y2={95.5} />
          <Bars bars={bars} width={width} height={95} pointed={pointed} onPoint={setPointed} />
        </svg>
      )}
      <div className="jp-MlopsLab-distribution-foot">
        {bins.length > 0 && (
          <>
            <span>{valueText(column.min, column.kind)}</span>
            <span>{valueText(column.max, column.kind)}</span>
          </>
        )}
      </div>
      {bins.some(bin => bin.far) && (
        <p className="jp-MlopsLab-micro jp-MlopsLab-muted">
          {t('The pale bar reaches further than it is drawn.')}
        </p>
      )}
    </div>
  );
}

function describe(column: IColumnProfile, bars: readonly IBar[], t: Translate): string {
  const highest = bars.reduce((best, bar) => (bar.count > best.count ? bar : best));
  return t('%1: most are %2', column.name, barText(highest, column));
}

function Bars(props: {
  bars: readonly IBar[];
  width: number;
  height: number;
  tip?: (bar: IBar) => string;
  pointed?: number | null;
  onPoint?: (index: number) => void;
}): ReactElement {
  const { bars, width, height, tip, pointed, onPoint } = props;
  const top = Math.max(...bars.map(bar => bar.count), 1);
  // A few categories stay bars, not blocks.
  const slot = Math.min(width / bars.length, height < 40 ? 16 : 48);
  return (
    <>
      {bars.map((bar, i) => {
        // What is there at all is seen: at least one pixel.
        const high = bar.count === 0 ? 0 : Math.max(1, (height * bar.count) / top);
        return (
          <g
            key={i}
            className={[bar.far ? 'jp-mod-far' : '', pointed === i ? 'jp-mod-pointed' : '']
              .join(' ')
              .trim()}
            onPointerEnter={onPoint && (() => onPoint(i))}
          >
            <rect className="jp-mod-hit" x={i * slot} y={0} width={slot} height={height} />
            <rect
              x={i * slot}
              y={height - high}
              width={Math.max(1, slot - (slot > 3 ? 1 : 0))}
              height={high}
            />
            {tip && <title>{tip(bar)}</title>}
          </g>
        );
      })}
    </>
  );
}

const OVERLAY_HEIGHT = 88;

/** How a column was spread before (grey) and is now (blue), on one axis. */
export function Overlay(props: {
  before: IColumnProfile;
  after: IColumnProfile;
  names: { before: string; after: string };
}): ReactElement | null {
  const { before, after, names } = props;
  const t = useText();
  const [ref, width] = useWidth<HTMLDivElement>();
  const laid = overlay(before, after);
  if (laid === null) {
    return before.top.length + after.top.length === 0 ? null : (
      <TopValues before={before} after={after} names={names} />
    );
  }
  const x = (place: number): number =>
    (width * (Math.min(Math.max(place, laid.from), laid.to) - laid.from)) /
    (laid.to - laid.from || 1);
  const y = (step: IStep): number =>
    OVERLAY_HEIGHT - (OVERLAY_HEIGHT * Math.min(step.height, laid.top)) / (laid.top || 1);
  return (
    <div ref={ref} className="jp-MlopsLab-distribution">
      {width > 0 && (
        <svg
          className="jp-MlopsLab-histogram"
          width={width}
          height={OVERLAY_HEIGHT + 1}
          role="img"
          aria-label={t('%1: %2 in grey, %3 in blue', after.name, names.before, names.after)}
        >
          {laid.after.map((step, i) => (
            <rect
              key={i}
              x={x(step.from)}
              y={y(step)}
              width={Math.max(1, x(step.to) - x(step.from) - 1)}
              height={OVERLAY_HEIGHT - y(step)}
            >
              <title>{stepText(step, after, names.after, t)}</title>
            </rect>
          ))}
          <path className="jp-mod-before" d={outline(laid.before, x, y)} />
          <line
            className="jp-mod-axis"
            x1={0}
            x2={width}
            y1={OVERLAY_HEIGHT + 0.5}
            y2={OVERLAY_HEIGHT + 0.5}
          />
        </svg>
      )}
      <div className="jp-MlopsLab-distribution-foot">
        <span>{endText(laid.from, after)}</span>
        <span>{endText(laid.to, after)}</span>
      </div>
      {laid.beyond.before + laid.beyond.after > 0 && (
        <p className="jp-MlopsLab-micro jp-MlopsLab-muted">
          {t(
            'Further out, not drawn: %1 → %2',
            shareText(laid.beyond.before),
            shareText(laid.beyond.after)
          )}
        </p>
      )}
    </div>
  );
}

/** The upper edge of a histogram. */
function outline(
  steps: readonly IStep[],
  x: (place: number) => number,
  y: (step: IStep) => number
): string {
  const points = steps.map(step => `V${y(step).toFixed(1)}H${x(step.to).toFixed(1)}`);
  return `M${x(steps[0].from).toFixed(1)} ${OVERLAY_HEIGHT}${points.join('')}V${OVERLAY_HEIGHT}`;
}

function stepText(step: IStep, column: IColumnProfile, name: string, t: Translate): string {
  const ends = t('%1 to %2', endText(step.from, column), endText(step.to, column));
  return `${name}, ${ends}: ${shareText(step.share)}`;
}

/** A place on the axis as one of the column's values. */
function endText(place: number, column: IColumnProfile): string {
  if (column.kind !== 'time') {
    return valueText(place, column.kind);
  }
  const edges = column.histogram?.edges ?? [];
  const known = edges.find(edge => placeOf(edge) === place);
  return valueText(known ?? new Date(place).toISOString().slice(0, 19), 'time');
}

/** The most frequent values before and now, each with its two shares. */
function TopValues(props: {
  before: IColumnProfile;
  after: IColumnProfile;
  names: { before: string; after: string };
}): ReactElement {
  const { before, after, names } = props;
  const t = useText();
  const shares = topShares(before, after);
  const top = Math.max(...shares.map(one => Math.max(one.before, one.after)), 0.001);
  const percent = (share: number): string => `${(100 * share) / top}%`;
  return (
    <table className="jp-MlopsLab-topvalues">
      <thead className="jp-MlopsLab-unseen">
        <tr>
          <th scope="col">{t('value')}</th>
          <th scope="col">{names.before}</th>
          <th scope="col">{names.after}</th>
        </tr>
      </thead>
      <tbody>
        {shares.map(one => (
          <tr key={String(one.value)}>
            <th scope="row" className="jp-MlopsLab-ellipsis" title={String(one.value)}>
              {one.value === '' ? t('(empty text)') : String(one.value)}
            </th>
            <td className="jp-MlopsLab-pairbars" aria-hidden>
              <i className="jp-mod-before" style={{ width: percent(one.before) }} />
              <i style={{ width: percent(one.after) }} />
            </td>
            <td className="jp-MlopsLab-num jp-MlopsLab-muted">{shareText(one.before)}</td>
            <td className="jp-MlopsLab-num">{shareText(one.after)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
