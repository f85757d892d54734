import { useMemo, useRef } from 'react';
import type { ReactElement } from 'react';
import { formatCount, formatShare } from '../../components/format';
import { useWidth } from '../hooks';
import { useText } from '../text';
import { useShown } from './context';
import { at, finite, formatEffect, measureLabel, rangeText, referenceText } from './facts';
import type { IRange } from './facts';
import type { IColumn } from './state';
import { quantile, total } from './statistics';
import { labelsOf, naturalOver, valueText } from './values';
import type { IColumnWindow, IWindowValues } from './window';
import { edgesOf } from './window';

const HEIGHT = 120;
const BASE = 98;
const TOP = 8;
/** What is left free beside the axis. */
const PAD = 8;
/** Categories that are drawn: those that differ most. */
const MOST = 14;
/** Rows far out would leave no room for all others. */
const TAIL = 0.002;

/** A feature's distribution in the reference and in what is looked at. */
export function Distribution(props: {
  column: IColumn;
  values: IWindowValues;
  whole: boolean;
}): ReactElement {
  const { column, values, whole } = props;
  const t = useText();
  const { evaluation, selection } = useShown();
  const found = values.columns.get(column.name);
  const natural = naturalOver(column, values.range);
  const range = rangeText(evaluation, whole ? null : values.range, t);
  return (
    <section className="jp-MlopsLab-block" aria-label={t('Distribution of %1', column.name)}>
      <div className="jp-MlopsLab-block-head">
        <h2 className="jp-MlopsLab-h2 jp-MlopsLab-ellipsis" title={column.name}>
          {column.name}
        </h2>
        <span className="jp-MlopsLab-small jp-MlopsLab-muted">
          {range}
          {found !== undefined && (
            <>
              {', '}
              <Effect column={column} found={found} />
              {natural !== null && `, ${t('natural %1', formatEffect(natural))}`}
              {column.provisional && ` (${t('provisional')})`}
            </>
          )}
        </span>
      </div>
      {found === undefined || found.counts === null || found.reference === null ? (
        <p className="jp-MlopsLab-small jp-MlopsLab-muted">
          {t('The counts of this feature are not kept here.')}
        </p>
      ) : column.bins.kind === 'number' ? (
        <Histogram column={column} found={found} range={values.range} />
      ) : (
        <Categories column={column} found={found} />
      )}
      <p className="jp-MlopsLab-drift-legend">
        <span>
          <i className="jp-mod-reference" />
          {referenceText(evaluation, column, values.range)}
        </span>
        <span>
          <i className="jp-mod-window" />
          {range}
        </span>
        {found !== undefined && found.median !== null && (
          <span>
            {t(
              'median %1 → %2',
              valueText(column, finite(column.reference.median), true),
              valueText(column, found.median)
            )}
          </span>
        )}
        {found !== undefined && found.missing !== null && (
          <Missing column={column} now={found.missing} />
        )}
        {found !== undefined &&
          selection.measure !== 'wasserstein' &&
          found.wasserstein !== null && <span>W₁/σ {formatEffect(found.wasserstein)}</span>}
        {found !== undefined && selection.measure !== 'psi' && found.psi !== null && (
          <span>PSI {formatEffect(found.psi)}</span>
        )}
      </p>
    </section>
  );
}

/** The effect of a window, with how sure it is. */
export function Effect(props: {
  column: IColumn;
  found: IColumnWindow;
  /** Under a head that says what it is. */
  bare?: boolean;
}): ReactElement {
  const { column, found, bare = false } = props;
  const t = useText();
  const { selection } = useShown();
  const { measure } = selection;
  const label = bare ? '' : `${measureLabel(column, measure)} `;
  if (measure !== 'effect') {
    return (
      <>
        {label}
        {formatEffect(found[measure])}
      </>
    );
  }
  if (found.effect === null) {
    return <span title={t('Brush a single chunk to see it')}>{label}–</span>;
  }
  const { effectLow: low, effectHigh: high } = found;
  if (found.source === 'bins' && column.measure === 'ks') {
    return (
      <span title={t('At least this: computed from the bins that are kept here')}>
        {label}≥ {formatEffect(found.effect)}
      </span>
    );
  }
  const certificate =
    found.source === 'certified' && low !== null && high !== null && high - low >= 0.0005
      ? t('certified between %1 and %2', low.toFixed(4), high.toFixed(4))
      : found.source === 'certified'
        ? t('certified: computed from the full profile')
        : undefined;
  return (
    <span title={certificate}>
      {label}
      {formatEffect(found.effect)}
      {found.source === 'certified' && ' ✓'}
    </span>
  );
}

function Missing({ column, now }: { column: IColumn; now: number }): ReactElement | null {
  const t = useText();
  const before = finite(column.reference.missing) ?? 0;
  return before < 0.0005 && now < 0.0005 ? null : (
    <span>{t('missing %1 → %2', formatShare(before), formatShare(now))}</span>
  );
}

function Histogram(props: { column: IColumn; found: IColumnWindow; range: IRange }): ReactElement {
  const { column, found, range } = props;
  const t = useText();
  const node = useRef<HTMLDivElement>(null);
  const width = useWidth(node, 400);
  const edges = useMemo(() => closed(edgesOf(column), column), [column]);
  const { reference, counts } = { reference: found.reference!, counts: found.counts! };
  const [n, m] = [total(reference), total(counts)];
  const { low, high } = span(reference, counts, edges);
  const density = (one: ArrayLike<number>, sum: number) =>
    Array.from(one, (count, i) => {
      const wide = Math.max(edges[i + 1] - edges[i], (high - low) / 400);
      return sum === 0 ? 0 : count / sum / wide;
    });
  const [before, now] = [density(reference, n), density(counts, m)];
  const most = Math.max(...before, ...now, 1e-12);
  const x = (value: number) =>
    PAD + ((Math.max(low, Math.min(high, value)) - low) / (high - low || 1)) * (width - 2 * PAD);
  const y = (value: number) => BASE - (value / most) * (BASE - TOP);
  const labels = useMemo(
    () => labelsOf(column, low, high, width - 2 * PAD),
    [column, low, high, width]
  );
  const { low: from, high: until } = trained(column, range.until);
  // A path each: what follows the brush has few elements.
  let [bars, step] = ['', ''];
  now.forEach((value, i) => {
    const [a, b] = [round(x(edges[i])), round(x(edges[i + 1]))];
    if (edges[i + 1] >= low && edges[i] <= high) {
      step += `${step === '' ? `M${a} ${BASE}` : ''}V${round(y(value))}H${b}`;
      bars +=
        before[i] > 0
          ? `M${a} ${BASE}V${round(y(before[i]))}H${Math.max(a + 1, b - 0.5)}V${BASE}Z`
          : '';
    }
  });
  return (
    <div ref={node} className="jp-MlopsLab-drift-histogram">
      <svg
        width={width}
        height={HEIGHT}
        role="img"
        aria-label={t(
          '%1: %2 rows of the reference and %3 rows of the window',
          column.name,
          formatCount(n),
          formatCount(m)
        )}
      >
        {from !== null && from > low && (
          <rect
            className="jp-mod-outside"
            x={PAD}
            y={TOP}
            width={x(from) - PAD}
            height={BASE - TOP}
          />
        )}
        {until !== null && until < high && (
          <rect
            className="jp-mod-outside"
            x={x(until)}
            y={TOP}
            width={width - PAD - x(until)}
            height={BASE - TOP}
          />
        )}
        <path className="jp-mod-reference" d={bars} />
        {step !== '' && <path className="jp-mod-window" d={`${step}V${BASE}`} />}
        <path className="jp-mod-axis" d={`M${PAD} ${BASE}H${width - PAD}`} />
        {[from, until].map((end, i) =>
          end !== null && end > low && end < high ? (
            <path key={i} className="jp-mod-end" d={`M${x(end)} ${TOP}V${BASE}`} />
          ) : null
        )}
        {labels.map(({ value, text }) => (
          <text
            key={value}
            x={x(value)}
            y={HEIGHT - 6}
            textAnchor={x(value) < 30 ? 'start' : x(value) > width - 30 ? 'end' : 'middle'}
          >
            {text}
          </text>
        ))}
      </svg>
      <Outside column={column} range={range} />
    </div>
  );
}

function round(place: number): number {
  return Math.round(10 * place) / 10;
}

/** Where nearly all rows are. */
function span(
  reference: ArrayLike<number>,
  counts: ArrayLike<number>,
  edges: readonly number[]
): { low: number; high: number } {
  const ends = [reference, counts]
    .flatMap(one => [quantile(one, edges, TAIL), quantile(one, edges, 1 - TAIL)])
    .filter(end => end !== null && Number.isFinite(end)) as number[];
  const [least, most] = [Math.min(...ends), Math.max(...ends)];
  return ends.length === 0 || least === most
    ? { low: (edges[0] ?? 0) - 0.5, high: (edges[edges.length - 1] ?? 1) + 0.5 }
    : { low: least, high: most };
}

/** The range in which nearly all rows were of which the version that answered has learnt. */
function trained(
  { outside }: IColumn,
  chunk: number
): Record<'low' | 'high' | 'natural', number | null> {
  return {
    low: at(outside?.lows, chunk) ?? finite(outside?.low),
    high: at(outside?.highs, chunk) ?? finite(outside?.high),
    natural: at(outside?.naturals, chunk) ?? finite(outside?.natural)
  };
}

/** How many rows lie outside of what the model was trained on, in the chunks that are looked at. */
function Outside({ column, range }: { column: IColumn; range: IRange }): ReactElement | null {
  const t = useText();
  const { evaluation } = useShown();
  const { outside } = column;
  if (outside === null) {
    return null;
  }
  let [rows, all] = [0, 0];
  for (let i = range.from; i <= range.until; i += 1) {
    const share = at(outside.share, i);
    if (share !== null) {
      rows += share * evaluation.chunks[i].rows;
      all += evaluation.chunks[i].rows;
    }
  }
  if (all === 0) {
    return null;
  }
  const { low, high, natural } = trained(column, range.until);
  return (
    <p className="jp-MlopsLab-small">
      <b>{formatShare(rows / all)}</b>{' '}
      {t(
        'of rows outside of %1 to %2, where the training rows are',
        valueText(column, low, true),
        valueText(column, high)
      )}
      {natural !== null && (
        <span className="jp-MlopsLab-muted">
          , {t('natural up to %1', formatShare(natural, 0))}
        </span>
      )}
    </p>
  );
}

function Categories({ column, found }: { column: IColumn; found: IColumnWindow }): ReactElement {
  const t = useText();
  const reference = found.reference!;
  const counts = found.counts!;
  const [n, m] = [total(reference), total(counts)];
  const bins = column.bins.kind === 'category' ? column.bins : null;
  const names = [
    ...(bins?.values ?? []),
    ...(bins?.other ? [t('other')] : []),
    ...(bins?.new ? [t('new')] : [])
  ];
  const all = names
    .map((name, i) => ({
      name,
      special: i >= (bins?.values.length ?? 0),
      before: n === 0 ? 0 : reference[i] / n,
      now: m === 0 ? 0 : counts[i] / m
    }))
    .filter(one => one.before > 0 || one.now > 0);
  const rows =
    all.length <= MOST
      ? all
      : [...all]
          .sort((a, b) => Math.abs(b.now - b.before) - Math.abs(a.now - a.before))
          .slice(0, MOST);
  const most = Math.max(...rows.map(one => Math.max(one.before, one.now)), 1e-12);
  return (
    <>
      <div className="jp-MlopsLab-drift-categories" role="table" aria-label={column.name}>
        {rows.map(one => (
          <div key={`${one.special} ${one.name}`} role="row">
            <span
              role="rowheader"
              className={`jp-MlopsLab-ellipsis${one.special ? ' jp-MlopsLab-muted' : ''}`}
              title={one.name}
            >
              {one.name}
            </span>
            <span role="presentation" className="jp-MlopsLab-drift-bars">
              <i className="jp-mod-reference" style={{ width: `${(100 * one.before) / most}%` }} />
              <i className="jp-mod-window" style={{ width: `${(100 * one.now) / most}%` }} />
            </span>
            <span role="cell" className="jp-MlopsLab-num">
              {formatShare(one.before)} → {formatShare(one.now)}
            </span>
          </div>
        ))}
      </div>
      {all.length > rows.length && (
        <p className="jp-MlopsLab-micro jp-MlopsLab-muted">
          {t('The %1 of %2 categories that differ most', rows.length, all.length)}
        </p>
      )}
    </>
  );
}

/** Bins without an end are as wide as the reference reaches. */
function closed(edges: readonly number[], column: IColumn): number[] {
  const all = [...edges];
  const last = all.length - 1;
  const width = last > 2 ? all[2] - all[1] : 1;
  if (all[0] === -Infinity) {
    all[0] = Math.min(finite(column.reference.low) ?? Infinity, all[1] - width);
  }
  if (all[last] === Infinity) {
    all[last] = Math.max(finite(column.reference.high) ?? -Infinity, all[last - 1] + width);
  }
  return all;
}
