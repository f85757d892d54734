import type { TranslationBundle } from '@jupyterlab/translation';
import { Fragment } from 'react';
import type { ReactElement } from 'react';
import type { IMonitorPage } from '../api/monitoring';
import {
  Age,
  Empty,
  Icon,
  Loading,
  RetryPlace,
  Skeleton,
  formatCount,
  formatTime
} from '../components';
import { useChanged } from '../state/use';
import { Drift } from '../views/drift/drift';
import type { MonitorModel } from './model';

/** What the view asks of the application. */
export interface IMonitorViewActions {
  check(): void;
  /** Open its file, at a place. */
  edit(line?: number, column?: number): void;
  openRun(id: string): void;
}

export interface IMonitorViewProps {
  model: MonitorModel;
  actions: IMonitorViewActions;
  trans: TranslationBundle;
}

/** A monitor in the main area: what it found, or why there is nothing yet. */
export function MonitorView(props: IMonitorViewProps): ReactElement {
  const { model, actions, trans } = props;
  useChanged(model);
  const { page, data } = model;
  if (page === null) {
    return data.error === null ? <Awaited /> : <Unread {...props} />;
  }
  // Nothing was ever found: the view has nothing to show, and its file is what there is.
  if (page.evaluations.length === 0) {
    return <Beginning page={page} actions={actions} trans={trans} />;
  }
  return (
    <>
      <Bar page={page} model={model} actions={actions} trans={trans} />
      <Drift model={model.view} />
    </>
  );
}

function Awaited(): ReactElement {
  return (
    <Loading>
      <div className="jp-MlopsLab-monitor-waiting">
        <Skeleton width={180} height={18} />
        <Skeleton width="60%" height={10} />
        <Skeleton width="100%" height={180} />
        <Skeleton width="100%" height={280} />
      </div>
    </Loading>
  );
}

function Unread({ model, trans }: IMonitorViewProps): ReactElement {
  const { error } = model.data;
  return error?.status === 404 ? (
    <div className="jp-MlopsLab-monitor-place">
      <Empty title={trans.__('Nothing to show')} text={error.message} />
    </div>
  ) : (
    <RetryPlace
      title={trans.__('The monitor %1 cannot be read', model.name)}
      detail={error?.message ?? ''}
      retry={trans.__('Retry')}
      onRetry={() => void model.data.refresh()}
    />
  );
}

/** A monitor that never looked, or cannot. */
function Beginning(props: {
  page: IMonitorPage;
  actions: IMonitorViewActions;
  trans: TranslationBundle;
}): ReactElement {
  const { page, actions, trans } = props;
  const { running } = page;
  const invalid = page.faults.length > 0;
  return (
    <div className="jp-MlopsLab-monitor-place">
      <h1 className="jp-MlopsLab-monitor-title">
        <Icon name="monitor" />
        <span className="jp-MlopsLab-ellipsis">{page.name}</span>
      </h1>
      {invalid ? (
        <>
          <p>{trans.__('It cannot look yet: its file has faults.')}</p>
          <Faults page={page} actions={actions} trans={trans} />
        </>
      ) : (
        <p>
          {running === null ? page.sentence : trans.__('It looks for the first time.')}{' '}
          {running === null && page.next_at !== null && (
            <span className="jp-MlopsLab-muted">
              {trans.__('By itself it does on %1.', formatTime(page.next_at))}
            </span>
          )}
        </p>
      )}
      {!invalid && <Facts page={page} trans={trans} />}
      <div className="jp-MlopsLab-row-flex">
        {running !== null ? (
          <button
            type="button"
            className="jp-MlopsLab-button"
            onClick={() => actions.openRun(running)}
          >
            {trans.__('Open its run')}
          </button>
        ) : (
          !invalid && (
            <button
              type="button"
              className="jp-MlopsLab-button jp-mod-accept"
              onClick={() => actions.check()}
            >
              {trans.__('Check now')}
            </button>
          )
        )}
        <button type="button" className="jp-MlopsLab-button" onClick={() => actions.edit()}>
          {trans.__('Edit monitor')}
        </button>
      </div>
    </div>
  );
}

/** What its file says of it. */
function Facts({ page, trans }: { page: IMonitorPage; trans: TranslationBundle }): ReactElement {
  const facts: [string, string | null][] = [
    [trans.__('watches'), page.current],
    [trans.__('model'), page.model],
    [trans.__('chunk'), page.by],
    [trans.__('schedule'), page.schedule],
    [trans.__('file'), page.path]
  ];
  return (
    <dl className="jp-MlopsLab-monitor-facts">
      {facts.map(([name, value]) =>
        value === null ? null : (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        )
      )}
    </dl>
  );
}

/** What is wrong in the file, each a way to its place. */
function Faults(props: {
  page: IMonitorPage;
  actions: IMonitorViewActions;
  trans: TranslationBundle;
}): ReactElement {
  const { page, actions, trans } = props;
  return (
    <ul className="jp-MlopsLab-faults" aria-label={trans.__('Faults')}>
      {page.faults.map(({ line, column, message }, index) => {
        const place = [page.path, line, column].filter(part => part !== null).join(':');
        return (
          <li key={index}>
            <Icon name="rejected" size={14} />
            <button
              type="button"
              className="jp-MlopsLab-link jp-MlopsLab-faultplace"
              title={trans.__('Open %1', place)}
              onClick={() => actions.edit(line ?? undefined, column ?? undefined)}
            >
              {place}
            </button>
            <span className="jp-MlopsLab-faultwhy">{message}</span>
          </li>
        );
      })}
    </ul>
  );
}

/** What the view does not know: which check it shows, what is wrong around it. */
function Bar(props: {
  page: IMonitorPage;
  model: MonitorModel;
  actions: IMonitorViewActions;
  trans: TranslationBundle;
}): ReactElement | null {
  const { page, model, actions, trans } = props;
  const [newest] = page.evaluations;
  const shown = model.run ?? newest.run_id;
  const older = shown !== newest.run_id;
  const failed = page.deliveries.filter(one => one.run_id === newest.run_id && !one.ok);
  if (page.evaluations.length < 2 && failed.length === 0 && page.faults.length === 0) {
    return null;
  }
  return (
    <div className="jp-MlopsLab-monitor-bar">
      {page.evaluations.length > 1 && (
        <label className="jp-MlopsLab-monitor-check">
          <span>{trans.__('Check of')}</span>
          <select
            value={shown}
            onChange={event => {
              const run = event.target.value;
              model.choose(run === newest.run_id ? null : run);
            }}
          >
            {page.evaluations.map(({ run_id, at, alerts }, index) => (
              <option key={run_id} value={run_id}>
                {[
                  at === null ? run_id.slice(0, 8) : formatTime(at),
                  alerts === 0 ? trans.__('no alert') : trans._n('%1 alert', '%1 alerts', alerts),
                  index === 0 ? trans.__('newest') : ''
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </option>
            ))}
          </select>
          <span className="jp-MlopsLab-muted">
            {trans.__('%1 checks', formatCount(page.evaluations.length))}
          </span>
        </label>
      )}
      {older && (
        <p role="status" className="jp-MlopsLab-monitor-note">
          {trans.__('An older check: its alerts may have ended since.')}{' '}
          <button type="button" className="jp-MlopsLab-link" onClick={() => model.choose(null)}>
            {trans.__('Show the newest')}
          </button>
        </p>
      )}
      {page.faults.length > 0 && (
        <div className="jp-MlopsLab-monitor-trouble" role="alert">
          <p>{trans.__('Its file has faults since: no check until they are mended.')}</p>
          <Faults page={page} actions={actions} trans={trans} />
        </div>
      )}
      {failed.map((one, index) => (
        <p key={index} className="jp-MlopsLab-monitor-note jp-mod-warn" role="alert">
          <Icon name="alert" size={12} />
          <span>
            {trans.__('%1 was not told: %2', one.channel, one.sentence)}{' '}
            <Age at={one.at} ago={age => trans.__('%1 ago', age)} />
          </span>
        </p>
      ))}
    </div>
  );
}
