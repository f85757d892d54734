import type { Message } from '@lumino/messaging';
import type { ReactElement } from 'react';
import { datasetIcon } from '../../icons';
import { ModelWidget } from '../../model-widget';
import { TextContext } from '../../views/text';
import type { Translate } from '../../views/text';
import { ActionsContext } from './actions';
import type { IDatasetActions } from './actions';
import { DatasetView } from './dataset-view';
import type { DatasetModel } from './model';

export interface IDatasetWidgetOptions {
  model: DatasetModel;
  actions: IDatasetActions;
  translate: Translate;
}

/** A dataset in the main area; it asks for nothing while another tab covers it. */
export class DatasetWidget extends ModelWidget<DatasetModel> {
  constructor(private _options: IDatasetWidgetOptions) {
    super(_options.model, _options.model);
    const { model } = _options;
    this.id = datasetWidgetId(model.project.key, model.name);
    this.addClass('jp-MlopsLab-dataset');
    this.title.icon = datasetIcon;
    this.node.dataset.dataset = model.name;
    model.changed.connect(this._onChanged, this);
    this._onChanged();
  }

  protected render(): ReactElement {
    const { model, actions, translate } = this._options;
    return (
      <TextContext.Provider value={translate}>
        <ActionsContext.Provider value={actions}>
          <DatasetView model={model} />
        </ActionsContext.Provider>
      </TextContext.Provider>
    );
  }

  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    const row = this.node.querySelector<HTMLElement>('[role="row"][tabindex="0"]');
    (row ?? this.node.querySelector<HTMLElement>('[role="tabpanel"]'))?.focus();
  }

  private _onChanged(): void {
    const { name, version } = this.model;
    this.title.label = version === null ? name : `${name} ${version}`;
    this.title.caption = this.title.label;
  }
}

/** One widget per dataset of a project: another version is shown in the same one. */
export function datasetWidgetId(project: string, name: string): string {
  return `mlops-lab-dataset-${project}-${name}`;
}
