import { useMemo } from 'react';
import type { ReactElement } from 'react';
import { formatCount, formatDifference, formatShare, formatValue } from '../../components/format';
import { Badge } from '../../components/badge';
import { useText } from '../text';
import { useShown } from './context';
import { finite } from './facts';
import type { IRange } from './facts';
import type { IFairnessRow, Interval, IPerformance, ISegmentRow } from './state';

const MOST = 40;

/** Where the model does worst, with how sure that is. */
export function Segments(props: { performance: IPerformance; range: IRange | null }): ReactElement {
  const { performance, range } = props;
  const t = useText();
  const { evaluation } = useShown();
  const { rows, when } = useMemo(() => {
    const keys = new Set(
      range === null
        ? []
        : evaluation.chunks.slice(range.from, range.until + 1).map(chunk => chunk.key)
    );
    const own = performance.segments.filter(one => one.chunk !== null && keys.has(one.chunk));
    const found = own.length > 0 ? own : performance.segments.filter(one => one.chunk === null);
    const last = own.length > 0 ? own[own.length - 1].chunk : null;
    // One chunk's at a time: those of two weeks are no ranking.
    return {
      rows: found.filter(one => one.chunk === last).slice(0, MOST),
      when: evaluation.chunks.find(chunk => chunk.key === last)?.label ?? t('all chunks')
    };
  }, [performance.segments, range, evaluation.chunks, t]);
  if (rows.length === 0) {
    return (
      <p className="jp-MlopsLab-small jp-MlopsLab-muted">
        {t('No segment is large enough to be judged, or none does worse than the others.')}
      </p>
    );
  }
  const most = extent(rows.map(row => [finite(row.value_of), finite(row.low), finite(row.high)]));
  return (
    <div className="jp-MlopsLab-drift-scroll" tabIndex={0} role="group" aria-label={t('Segments')}>
      <table className="jp-MlopsLab-drift-table">
        <caption className="jp-MlopsLab-small jp-MlopsLab-muted">
          {t('The worst segments, %1, found by themselves', when)}
        </caption>
        <thead>
          <tr>
            <th scope="col">{t('Segment')}</th>
            <th scope="col" className="jp-MlopsLab-num">
              n
            </th>
            <th scope="col" className="jp-MlopsLab-num">
              {rows[0].metric}
            </th>
            <th scope="col">{t('95 % interval')}</th>
            <th scope="col" className="jp-MlopsLab-num">
              {t('of the gap')}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              <th scope="row" title={named(row)}>
                {row.value.join(' ')}{' '}
                <span className="jp-MlopsLab-muted">{row.by.join(' × ')}</span>
              </th>
              <td className="jp-MlopsLab-num jp-MlopsLab-muted">{formatCount(row.n)}</td>
              <td className="jp-MlopsLab-num">{metricText(row)}</td>
              <td>
                <Whisker
                  value={finite(row.value_of)}
                  low={finite(row.low)}
                  high={finite(row.high)}
                  extent={most}
                />
              </td>
              <td className="jp-MlopsLab-num">
                {finite(row.share_of_gap) === null
                  ? '–'
                  : formatShare(finite(row.share_of_gap)!, 0)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function named(row: ISegmentRow): string {
  return row.by.map((by, i) => `${by} = ${row.value[i]}`).join(', ');
}

function metricText(row: ISegmentRow): string {
  const value = finite(row.value_of);
  return row.metric === 'gap' ? formatDifference(value) : formatValue(value);
}

const RATES = ['selection_rate', 'tpr', 'fpr', 'precision'] as const;

/** How the groups fare beside each other. */
export function Fairness({ performance }: { performance: IPerformance }): ReactElement {
  const t = useText();
  const names = {
    selection_rate: t('selected'),
    tpr: t('found (TPR)'),
    fpr: t('false alarms (FPR)'),
    precision: t('precision')
  };
  const groups = useMemo(() => {
    const found = new Map<string, IFairnessRow[]>();
    for (const row of performance.fairness) {
      found.set(row.by, [...(found.get(row.by) ?? []), row]);
    }
    return [...found];
  }, [performance.fairness]);
  if (groups.length === 0) {
    return (
      <p className="jp-MlopsLab-small jp-MlopsLab-muted">
        {t('No groups are compared. Name columns under fairness: in the monitor’s file.')}
      </p>
    );
  }
  return (
    <>
      {groups.map(([by, rows]) => (
        <div
          key={by}
          className="jp-MlopsLab-drift-scroll"
          tabIndex={0}
          role="group"
          aria-label={t('Fairness by %1', by)}
        >
          <table className="jp-MlopsLab-drift-table">
            <caption className="jp-MlopsLab-small jp-MlopsLab-muted">
              {t('Groups by %1, each rate with its Wilson interval of 95 %', by)}
            </caption>
            <thead>
              <tr>
                <th scope="col">{by}</th>
                <th scope="col" className="jp-MlopsLab-num">
                  n
                </th>
                {RATES.map(rate => (
                  <th key={rate} scope="col">
                    {names[rate]}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(row => (
                <tr key={row.group}>
                  <th scope="row">{row.group}</th>
                  <td className="jp-MlopsLab-num jp-MlopsLab-muted">{formatCount(row.n)}</td>
                  {RATES.map(rate => (
                    <td key={rate}>
                      <Rate interval={row[rate]} />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
            <tfoot>
              <tr>
                <th scope="row">{t('least ÷ most')}</th>
                <td />
                {RATES.map(rate => (
                  <td key={rate}>
                    <Ratio rows={rows} rate={rate} />
                  </td>
                ))}
              </tr>
            </tfoot>
          </table>
        </div>
      ))}
    </>
  );
}

/** Below four fifths the groups are told apart: the rule of thumb of the law. */
const FOUR_FIFTHS = 0.8;

function Ratio(props: {
  rows: readonly IFairnessRow[];
  rate: (typeof RATES)[number];
}): ReactElement {
  const t = useText();
  const values = props.rows
    .map(row => finite(row[props.rate]?.[0]))
    .filter(value => value !== null);
  const most = Math.max(...values);
  if (values.length < 2 || !(most > 0)) {
    return <span className="jp-MlopsLab-muted">–</span>;
  }
  const ratio = Math.min(...values) / most;
  return ratio < FOUR_FIFTHS ? (
    <Badge tone="warn" icon="alert" title={t('Below four fifths')}>
      {ratio.toFixed(2)}
    </Badge>
  ) : (
    <span>{ratio.toFixed(2)}</span>
  );
}

function Rate({ interval }: { interval: Interval | null }): ReactElement {
  const t = useText();
  const [value, low, high] = (interval ?? [null, null, null]).map(finite);
  if (value === null) {
    return (
      <span className="jp-MlopsLab-muted" title={t('Too few rows')}>
        –
      </span>
    );
  }
  return (
    <span className="jp-MlopsLab-drift-rate">
      <Whisker value={value} low={low} high={high} extent={[0, 1]} />
      <span>
        {formatShare(value)}{' '}
        {low !== null && high !== null && (
          <span className="jp-MlopsLab-muted">± {(50 * (high - low)).toFixed(1)}</span>
        )}
      </span>
    </span>
  );
}

/** A value on a line with its interval; where the scale has a zero, a tick stands there. */
export function Whisker(props: {
  value: number | null;
  low: number | null;
  high: number | null;
  extent: readonly [number, number];
}): ReactElement | null {
  const {
    value,
    low,
    high,
    extent: [least, most]
  } = props;
  if (value === null) {
    return null;
  }
  const x = (one: number) => 2 + (76 * (one - least)) / (most - least || 1);
  const text = low === null || high === null ? undefined : `${low.toFixed(3)} … ${high.toFixed(3)}`;
  return (
    <svg className="jp-MlopsLab-drift-whisker" width="80" height="12" aria-label={text} role="img">
      <title>{text}</title>
      <path className="jp-mod-grid" d="M0 6H80" />
      {least < 0 && most > 0 && <path className="jp-mod-zero" d={`M${x(0)} 1V11`} />}
      {low !== null && high !== null && (
        <path className="jp-mod-range" d={`M${x(low)} 6H${x(high)}`} />
      )}
      <circle cx={x(value)} cy="6" r="3" />
    </svg>
  );
}

function extent(values: readonly (readonly (number | null)[])[]): [number, number] {
  const known = values.flat().filter(value => value !== null);
  return [Math.min(0, ...known), Math.max(0, ...known)];
}
