import { useMemo } from 'react';
import type { ReactElement } from 'react';
import { formatCount, formatShare } from '../../components/format';
import { useText } from '../text';
import { useShown } from './context';
import {
  at,
  finite,
  formatEffect,
  formatOf,
  limitOf,
  measureLabel,
  stateText,
  titled
} from './facts';
import type { IRange } from './facts';
import { plottable } from './metrics';
import type { IColumn } from './state';
import { valueText } from './values';

/** Everything that is drawn, as numbers: the feature that is looked at, chunk by chunk. */
export function Table(props: { column: IColumn | null; range: IRange | null }): ReactElement {
  const { column, range } = props;
  const t = useText();
  const { evaluation, selection } = useShown();
  const { performance, chunks } = evaluation;
  const plots = useMemo(
    () => (performance === null ? [] : plottable(performance).slice(0, 3)),
    [performance]
  );
  const rows = chunks
    .map((chunk, i) => ({ chunk, i }))
    .filter(({ i }) => range === null || (i >= range.from && i <= range.until));
  const { measure } = selection;
  return (
    <div
      className="jp-MlopsLab-drift-scroll jp-mod-tall"
      tabIndex={0}
      role="group"
      aria-label={t('All numbers')}
    >
      <table className="jp-MlopsLab-drift-table">
        <caption className="jp-MlopsLab-small jp-MlopsLab-muted">
          {column === null ? t('By chunk') : t('%1 and performance, by chunk', column.name)}
        </caption>
        <thead>
          <tr>
            <th scope="col">{t('Chunk')}</th>
            <th scope="col" className="jp-MlopsLab-num">
              {t('rows')}
            </th>
            {column !== null && (
              <>
                <th scope="col" className="jp-MlopsLab-num">
                  {measureLabel(column, measure)}
                </th>
                <th scope="col" className="jp-MlopsLab-num">
                  {measure === 'effect' ? t('natural') : t('usual')}
                </th>
                <th scope="col" className="jp-MlopsLab-num">
                  p
                </th>
                <th scope="col" className="jp-MlopsLab-num">
                  {t('median')}
                </th>
                <th scope="col" className="jp-MlopsLab-num">
                  {t('missing')}
                </th>
                <th scope="col">{t('State')}</th>
              </>
            )}
            {plots.map(({ key, metric }) => (
              <th key={key} scope="col" className="jp-MlopsLab-num">
                {titled(metric.label)}
              </th>
            ))}
            {plots.length > 0 && (
              <th scope="col" className="jp-MlopsLab-num">
                {t('labels')}
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ chunk, i }) => (
            <tr key={chunk.key}>
              <th scope="row">{chunk.label}</th>
              <td className="jp-MlopsLab-num">{formatCount(chunk.rows)}</td>
              {column !== null && (
                <>
                  <td className="jp-MlopsLab-num">{formatEffect(at(column[measure], i))}</td>
                  <td className="jp-MlopsLab-num jp-MlopsLab-muted">
                    {formatEffect(
                      measure === 'effect'
                        ? (at(column.naturals, i) ?? finite(column.natural))
                        : limitOf(column, measure)
                    )}
                  </td>
                  <td className="jp-MlopsLab-num">{pText(at(column.p_value, i))}</td>
                  <td className="jp-MlopsLab-num">{valueText(column, at(column.median, i))}</td>
                  <td className="jp-MlopsLab-num">{shareText(at(column.missing, i))}</td>
                  <td>{stateText(column.states[i], t)}</td>
                </>
              )}
              {plots.map(({ key, metric }) => (
                <td key={key} className="jp-MlopsLab-num">
                  {formatOf(key, metric.unit, at(metric.realised, i))}
                </td>
              ))}
              {plots.length > 0 && performance !== null && (
                <td className="jp-MlopsLab-num">{shareText(at(performance.maturity, i), 0)}</td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function shareText(share: number | null, decimals = 1): string {
  return share === null ? '–' : formatShare(share, decimals);
}

function pText(p: number | null): string {
  return p === null ? '–' : p < 0.001 ? '< .001' : p.toFixed(3).replace(/^0/, '');
}
