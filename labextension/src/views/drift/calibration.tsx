import { useMemo } from 'react';
import type { ReactElement } from 'react';
import { formatCount, formatShare, formatValue } from '../../components/format';
import { useText } from '../text';
import { useShown } from './context';
import { finite, rangeText } from './facts';
import type { IPerformance } from './state';
import { calibration } from './statistics';
import type { IWindowValues } from './window';

const SIZE = 240;
const LEFT = 40;
const BOTTOM = 28;
const TOP = 8;

interface IPoint {
  score: number;
  share: number;
  n: number;
  low: number | null;
  high: number | null;
}

/** What the scores promised, and what came; of the reference and of the window. */
export function Calibration(props: {
  performance: IPerformance;
  values: IWindowValues;
  whole: boolean;
}): ReactElement {
  const { performance, values, whole } = props;
  const t = useText();
  const { evaluation } = useShown();
  const before: IPoint[] = useMemo(
    () =>
      (performance.calibration?.reference ?? []).flatMap(({ score, share, n, low, high }) => {
        const value = finite(share);
        return value === null
          ? []
          : [{ score, share: value, n, low: finite(low), high: finite(high) }];
      }),
    [performance.calibration]
  );
  const now: IPoint[] = useMemo(
    () => (values.scores === null ? [] : calibration(values.scores)),
    [values.scores]
  );
  const x = (score: number) => LEFT + score * (SIZE - LEFT - TOP);
  const y = (share: number) => TOP + (1 - share) * (SIZE - TOP - BOTTOM);
  const path = (points: readonly IPoint[]) =>
    points.map((one, i) => `${i === 0 ? 'M' : 'L'}${x(one.score)} ${y(one.share)}`).join('');
  const range = rangeText(evaluation, whole ? null : values.range, t);
  if (before.length === 0 && now.length === 0) {
    return (
      <p className="jp-MlopsLab-small jp-MlopsLab-muted">
        {t('Too early: no labels of these rows have come yet.')}
      </p>
    );
  }
  return (
    <div className="jp-MlopsLab-drift-calibration">
      <svg
        width={SIZE}
        height={SIZE}
        role="img"
        aria-label={t('Calibration: share of positives by score; the numbers are in the table')}
      >
        {[0, 0.25, 0.5, 0.75, 1].map(tick => (
          <g key={tick}>
            <path className="jp-mod-grid" d={`M${x(0)} ${y(tick)}H${x(1)}`} />
            <text x={LEFT - 6} y={y(tick) + 4} textAnchor="end">
              {formatShare(tick, 0)}
            </text>
            {tick % 0.5 === 0 && (
              <text x={x(tick)} y={SIZE - 10} textAnchor={tick === 1 ? 'end' : 'middle'}>
                {formatValue(tick, 1)}
              </text>
            )}
          </g>
        ))}
        <path className="jp-mod-diagonal" d={`M${x(0)} ${y(0)}L${x(1)} ${y(1)}`} />
        {now.map((one, i) =>
          one.low === null || one.high === null ? null : (
            <path
              key={i}
              className="jp-mod-interval"
              d={`M${x(one.score)} ${y(one.low)}V${y(one.high)}`}
            />
          )
        )}
        <path className="jp-mod-reference" d={path(before)} />
        <path className="jp-mod-window" d={path(now)} />
        {before.map((one, i) => (
          <circle key={i} className="jp-mod-reference" cx={x(one.score)} cy={y(one.share)} r="3" />
        ))}
        {now.map((one, i) => (
          <circle key={i} className="jp-mod-window" cx={x(one.score)} cy={y(one.share)} r="3" />
        ))}
      </svg>
      <div>
        <p className="jp-MlopsLab-drift-legend">
          {before.length > 0 && (
            <span>
              <i className="jp-mod-reference" />
              {evaluation.reference.told}
            </span>
          )}
          <span>
            <i className="jp-mod-window" />
            {range}
          </span>
        </p>
        {now.length > 0 && (
          <table className="jp-MlopsLab-drift-table">
            <thead>
              <tr>
                <th scope="col" className="jp-MlopsLab-num">
                  {t('score')}
                </th>
                <th scope="col" className="jp-MlopsLab-num">
                  {t('came true')}
                </th>
                <th scope="col" className="jp-MlopsLab-num">
                  n
                </th>
              </tr>
            </thead>
            <tbody>
              {now.map((one, i) => (
                <tr key={i}>
                  <td className="jp-MlopsLab-num">{formatShare(one.score)}</td>
                  <td className="jp-MlopsLab-num">
                    {formatShare(one.share)}{' '}
                    {one.low !== null && one.high !== null && (
                      <span className="jp-MlopsLab-muted">
                        ± {(50 * (one.high - one.low)).toFixed(1)}
                      </span>
                    )}
                  </td>
                  <td className="jp-MlopsLab-num jp-MlopsLab-muted">{formatCount(one.n)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </div>
    </div>
  );
}
