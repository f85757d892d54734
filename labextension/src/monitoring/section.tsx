import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';
import type { IMonitorRow } from '../api/monitoring';
import { Age, Icon } from '../components';
import { ListRows } from '../list-rows';
import { ListSection } from '../list-section';
import type { Folds } from '../state/folds';
import { useChanged } from '../state/use';
import type { MonitorsModel } from './monitors';
import { MonitorGlyph } from './state-glyph';

/** What the section asks of the application. */
export interface IMonitorsActions {
  open(name: string): void;
  check(name: string): void;
}

export interface IMonitorsSectionProps {
  model: MonitorsModel;
  folds: Folds;
  actions: IMonitorsActions;
}

/** *Monitors*: what is watched, and how it stands; nothing where nothing is. */
export function MonitorsSection(props: IMonitorsSectionProps): ReactElement {
  const { model, folds, actions } = props;
  useChanged(model);
  const { list, trans } = model;
  return (
    <ListSection
      list={list}
      count={value => value.monitors.length}
      title={trans.__('Monitors')}
      failed={trans.__('Monitors cannot be read')}
      id="monitors"
      folds={folds}
      trans={trans}
    >
      {value => (
        <ListRows
          rows={value.monitors}
          label={trans.__('Monitors')}
          focused={model.focused}
          focus={name => model.focus(name)}
          trans={trans}
        >
          {(row, focused) => (
            <Row key={row.path} row={row} focused={focused} model={model} actions={actions} />
          )}
        </ListRows>
      )}
    </ListSection>
  );
}

function Row(props: {
  row: IMonitorRow;
  focused: boolean;
  model: MonitorsModel;
  actions: IMonitorsActions;
}): ReactElement {
  const { row, focused, model, actions } = props;
  const { trans } = model;
  const running = row.running !== null;
  const said = sentenceOf(row, trans);
  const mayCheck = !running && row.state !== 'invalid';
  return (
    <div
      role="row"
      className="jp-MlopsLab-row jp-MlopsLab-monitorrow"
      data-id={row.name}
      data-state={running ? 'running' : row.state}
      tabIndex={focused ? 0 : -1}
      onFocus={() => model.focus(row.name)}
      onContextMenu={() => model.focus(row.name)}
      onClick={() => {
        model.focus(row.name);
        actions.open(row.name);
      }}
    >
      <MonitorGlyph state={row.state} running={running} settled={isSettled(row)} />
      <div role="gridcell" className="jp-MlopsLab-what">
        <div className="jp-MlopsLab-name">
          <span className="jp-MlopsLab-ellipsis" title={row.name}>
            {row.name}
          </span>
        </div>
        <div className="jp-MlopsLab-sub jp-MlopsLab-ellipsis" title={said}>
          {said}
        </div>
        {row.last !== null && mayCheck && (
          <div className="jp-MlopsLab-row-actions">
            <button
              type="button"
              tabIndex={-1}
              className="jp-MlopsLab-icon-button"
              aria-label={trans.__('Check %1 now', row.name)}
              title={trans.__('Check now (c)')}
              onClick={event => {
                event.stopPropagation();
                actions.check(row.name);
              }}
            >
              <Icon name="refresh" size={14} />
            </button>
          </div>
        )}
      </div>
      {row.last === null && mayCheck ? (
        <div role="gridcell" className="jp-MlopsLab-need-buttons">
          <button
            type="button"
            className="jp-MlopsLab-button jp-mod-small"
            aria-label={trans.__('Check %1 now', row.name)}
            onClick={event => {
              event.stopPropagation();
              actions.check(row.name);
            }}
          >
            {trans.__('Check now')}
          </button>
        </div>
      ) : (
        <div role="gridcell" className="jp-MlopsLab-facts">
          <div className="jp-MlopsLab-fact">
            {row.open_alerts > 0 && (
              <span className={`jp-MlopsLab-openalerts jp-mod-${row.state}`}>
                {trans._n('%1 alert', '%1 alerts', row.open_alerts)}
              </span>
            )}
          </div>
          <div className="jp-MlopsLab-age">
            <Age at={row.last?.at ?? null} />
          </div>
        </div>
      )}
    </div>
  );
}

/** Whether somebody has acknowledged, muted or resolved whatever it found: it cries no more. */
export function isSettled({ state, open_alerts: open }: IMonitorRow): boolean {
  return open === 0 && (state === 'alert' || state === 'warn');
}

/** The most telling thing: what is wrong in the file, that it works, else what it found. */
export function sentenceOf(row: IMonitorRow, trans: TranslationBundle): string {
  const [fault] = row.faults;
  if (fault !== undefined) {
    return fault.line === null ? fault.message : trans.__('line %1: %2', fault.line, fault.message);
  }
  return row.running === null ? row.sentence : trans.__('it looks now · %1', row.sentence);
}
