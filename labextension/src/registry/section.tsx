import type { PointerEvent, ReactElement } from 'react';
import type { IModelRow } from '../api/registry';
import { Age, Alias, Icon } from '../components';
import { ListRows } from '../list-rows';
import { ListSection } from '../list-section';
import type { Folds } from '../state/folds';
import { useChanged } from '../state/use';
import { aliasRef, loadLine, usualRef } from './lines';
import type { ModelsModel } from './models';

/** What the section asks of the application. */
export interface IModelsActions {
  open(name: string | null): void;
  insert(ref: string): void;
  /** A press that may become a drag of these lines. */
  press(event: PointerEvent, lines: string, label: string): void;
}

export interface IModelsSectionProps {
  model: ModelsModel;
  folds: Folds;
  actions: IModelsActions;
}

/** *Models*: what may be used; nothing where there is none. */
export function ModelsSection({ model, folds, actions }: IModelsSectionProps): ReactElement {
  useChanged(model);
  const { trans } = model;
  return (
    <ListSection
      list={model.list}
      count={value => value.models.length}
      title={trans.__('Models')}
      failed={trans.__('Models cannot be read')}
      id="models"
      folds={folds}
      trans={trans}
      aside={
        <button
          type="button"
          className="jp-MlopsLab-icon-button"
          title={trans.__('Open the registry browser')}
          aria-label={trans.__('Open the registry browser')}
          onClick={() => actions.open(null)}
        >
          <Icon name="compare" size={14} />
        </button>
      }
    >
      {value => (
        <ListRows
          rows={value.models}
          label={trans.__('Models')}
          focused={model.focused}
          focus={name => model.focus(name)}
          trans={trans}
        >
          {(row, focused) => (
            <Row key={row.name} row={row} focused={focused} model={model} actions={actions} />
          )}
        </ListRows>
      )}
    </ListSection>
  );
}

function Row(props: {
  row: IModelRow;
  focused: boolean;
  model: ModelsModel;
  actions: IModelsActions;
}): ReactElement {
  const { row, focused, model, actions } = props;
  const { trans } = model;
  const usual = usualRef(row);
  const press = (event: PointerEvent, ref: string | null): void => {
    if (ref !== null) {
      event.stopPropagation();
      actions.press(event, loadLine(ref), ref);
    }
  };
  return (
    <div
      role="row"
      className="jp-MlopsLab-row jp-MlopsLab-modelrow"
      data-id={row.name}
      tabIndex={focused ? 0 : -1}
      onFocus={() => model.focus(row.name)}
      onContextMenu={() => model.focus(row.name)}
      onPointerDown={event => press(event, usual)}
      onClick={() => {
        model.focus(row.name);
        actions.open(row.name);
      }}
    >
      <Icon name="model" className="jp-MlopsLab-modelicon" />
      <div role="gridcell" className="jp-MlopsLab-what">
        <div className="jp-MlopsLab-name">
          <span className="jp-MlopsLab-ellipsis" title={row.description || row.name}>
            {row.name}
          </span>
          {row.waiting > 0 && (
            <Icon
              name="approval"
              size={12}
              className="jp-MlopsLab-need-waiting"
              label={trans._n('%1 waits for approval', '%1 wait for approval', row.waiting)}
            />
          )}
        </div>
        <div className="jp-MlopsLab-sub jp-MlopsLab-chips">
          {row.aliases.map(({ alias, version }) => (
            <span
              key={alias}
              className="jp-MlopsLab-aliasdrag"
              onPointerDown={event => press(event, aliasRef(row.name, alias))}
            >
              <Alias
                name={alias}
                version={version}
                strong={alias === 'champion'}
                title={trans.__('%1 is version %2: drag it into a notebook', alias, version)}
              />
            </span>
          ))}
          {row.aliases.length === 0 && <span>{trans.__('no alias yet')}</span>}
        </div>
      </div>
      <div role="gridcell" className="jp-MlopsLab-facts">
        <div className="jp-MlopsLab-fact">
          {trans._n('%1 version', '%1 versions', row.versions)}
        </div>
        <div className="jp-MlopsLab-age">
          <Age at={row.updated_at} />
        </div>
      </div>
      {usual !== null && (
        <div className="jp-MlopsLab-row-actions">
          <button
            type="button"
            tabIndex={-1}
            className="jp-MlopsLab-icon-button"
            aria-label={trans.__('Insert the cell that loads %1', usual)}
            title={trans.__('Insert the cell that loads it (i)')}
            onPointerDown={event => event.stopPropagation()}
            onClick={event => {
              event.stopPropagation();
              actions.insert(usual);
            }}
          >
            <Icon name="insert" size={14} />
          </button>
        </div>
      )}
    </div>
  );
}
