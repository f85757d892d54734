import { Fragment } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';
import { Age } from '../../components/age';
import { onEnter, useRoving } from '../roving';
import { useText } from '../text';
import { metricKeys } from './facts';
import { useHost } from './host';
import { Mark } from './over';
import { Aliases, Difference, GatesBadge, RunLink, Unsafe, Value } from './parts';
import type { IModelPage, IVersionRow } from './state';

export interface IVersionsProps {
  page: IModelPage;
  shown: number;
  /** How many metrics have room. */
  columns: number;
  /** Whether the day has, and the run. */
  made: boolean;
  runs: boolean;
  /** What keys do to the row that has the keyboard. */
  onKey: (key: string, row: IVersionRow) => boolean;
}

/** The versions of a model, each judged against the champion of its day. */
export function Versions(props: IVersionsProps): ReactElement {
  const { page, shown, columns, made, runs, onKey } = props;
  const t = useText();
  const { choose } = useHost();
  const { ref, onKeyDown } = useRoving<HTMLTableElement>();
  const keys = metricKeys(page).slice(0, columns);
  const press = (row: IVersionRow) => () =>
    choose({ model: page.model.name, version: row.version, sheet: null });
  const onRowKey = (event: KeyboardEvent, row: IVersionRow) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (plain && event.target === event.currentTarget && onKey(event.key, row)) {
      event.preventDefault();
      event.stopPropagation();
    } else {
      onEnter(press(row))(event);
    }
  };
  return (
    <div className="jp-MlopsLab-reg-scroll">
      <table
        ref={ref}
        role="grid"
        className="jp-MlopsLab-reg-versions"
        aria-label={t('Versions of %1', page.model.name)}
        aria-rowcount={page.versions.length + 1}
        onKeyDown={onKeyDown}
      >
        <thead>
          <tr role="row">
            <th scope="col">{t('Version')}</th>
            {made && <th scope="col">{t('Made')}</th>}
            <th scope="col">{t('Gates')}</th>
            {keys.map(key => (
              <Fragment key={key}>
                <th scope="col" className="jp-MlopsLab-num" title={key}>
                  {key}
                  {page.goals[key] !== undefined && (
                    <span title={goalText(page.goals[key], t)}>
                      {page.goals[key] === 'max' ? ' ↑' : ' ↓'}
                    </span>
                  )}
                </th>
                <th scope="col">
                  <span className="jp-MlopsLab-unseen">{t('difference of %1', key)}</span>
                </th>
              </Fragment>
            ))}
            {runs && <th scope="col">{t('Run')}</th>}
          </tr>
        </thead>
        <tbody>
          {page.versions.map((row, i) => (
            <tr
              key={row.version}
              role="row"
              data-row={row.version}
              aria-rowindex={i + 2}
              aria-selected={row.version === shown}
              tabIndex={row.version === shown ? 0 : -1}
              onClick={press(row)}
              onKeyDown={event => onRowKey(event, row)}
            >
              <td role="gridcell">
                <span className="jp-MlopsLab-reg-version">
                  <Dot row={row} />
                  <b>{row.version}</b>
                  <Aliases aliases={row.aliases.map(alias => ({ alias }))} />
                  {row.unsafe && <Unsafe flavor={row.flavor} />}
                </span>
              </td>
              {made && (
                <td role="gridcell" className="jp-MlopsLab-muted">
                  <Age at={row.created_at} />
                </td>
              )}
              <td role="gridcell">
                <span className="jp-MlopsLab-reg-chips">
                  <GatesBadge judgement={row.judgement} waiting={row.waiting} />
                </span>
              </td>
              {keys.map(key => (
                <Metric key={key} metric={key} row={row} page={page} />
              ))}
              {runs && (
                <td role="gridcell">
                  <RunLink run={row.run} tabIndex={row.version === shown ? 0 : -1} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Metric(props: { metric: string; row: IVersionRow; page: IModelPage }): ReactElement {
  const { metric, row, page } = props;
  const t = useText();
  const { champion } = row;
  const title =
    champion === null
      ? t('No champion was there to compare with')
      : t('Champion %1 on the same rows', champion.version);
  return (
    <>
      <td role="gridcell" className="jp-MlopsLab-num">
        <Value metric={metric} value={row.metrics[metric]} />
      </td>
      <td role="gridcell" className="jp-MlopsLab-reg-gap" title={title}>
        {champion !== null && (
          <Difference
            metric={metric}
            value={row.metrics[metric]}
            before={champion.metrics[metric]}
            direction={page.goals[metric]}
          />
        )}
      </td>
    </>
  );
}

/** The same mark as in the charts; hollow while it waits. */
function Dot({ row }: { row: IVersionRow }): ReactElement {
  const waits = row.waiting.length > 0 ? ' jp-mod-waits' : '';
  return (
    <svg
      className={`jp-MlopsLab-reg-dot${waits}`}
      width="10"
      height="10"
      viewBox="0 0 10 10"
      aria-hidden="true"
    >
      <Mark row={row} x={5} y={5} />
    </svg>
  );
}

function goalText(direction: 'min' | 'max', t: (text: string) => string): string {
  return direction === 'max' ? t('higher is better') : t('lower is better');
}
