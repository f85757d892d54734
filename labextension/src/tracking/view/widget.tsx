import type { Message } from '@lumino/messaging';
import type { ReactElement } from 'react';
import { pipelineIcon, runIcon } from '../../icons';
import { ModelWidget } from '../../model-widget';
import type { Translate } from '../../views/text';
import { TextContext } from '../../views/text';
import { ActionsContext } from './actions';
import type { IRunActions } from './actions';
import type { RunModel } from './model';
import { ServicesContext } from './previews/services';
import type { IServices } from './previews/services';
import { RunView } from './run-view';

export interface IRunWidgetOptions {
  model: RunModel;
  actions: IRunActions;
  services: IServices;
  translate: Translate;
}

/** The run view in the main area; it asks for nothing while another tab covers it. */
export class RunWidget extends ModelWidget<RunModel> {
  constructor(private _options: IRunWidgetOptions) {
    super(_options.model, _options.model.data);
    const { model } = _options;
    this.id = runWidgetId(model.project.key, model.id);
    this.addClass('jp-MlopsLab-run');
    this.title.icon = runIcon;
    this.title.label = model.id.slice(0, 8);
    this.node.dataset.run = model.id;
    model.changed.connect(this._onChanged, this);
  }

  protected render(): ReactElement {
    const { model, actions, services, translate } = this._options;
    return (
      <TextContext.Provider value={translate}>
        <ServicesContext.Provider value={services}>
          <ActionsContext.Provider value={actions}>
            <RunView model={model} actions={actions} />
          </ActionsContext.Provider>
        </ServicesContext.Provider>
      </TextContext.Provider>
    );
  }

  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.node.querySelector<HTMLElement>('[role="tabpanel"]')?.focus();
  }

  private _onChanged(): void {
    const { run } = this.model;
    if (run !== null) {
      this.title.label = run.name;
      this.title.icon = run.kind === 'pipeline' ? pipelineIcon : runIcon;
      this.title.caption = `${run.name} · ${run.status} · ${run.id}`;
    }
  }
}

/** One widget per run of a project: opening it again shows the same one. */
export function runWidgetId(project: string, id: string): string {
  return `mlops-lab-run-${project}-${id}`;
}
