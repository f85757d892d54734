import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import type { ReactElement } from 'react';
import { monitorIcon } from '../icons';
import { ModelWidget } from '../model-widget';
import { translateBy } from '../translate';
import { TextContext } from '../views/text';
import type { MonitorModel } from './model';
import { MonitorView } from './view';
import type { IMonitorViewActions } from './view';

export interface IMonitorWidgetOptions {
  model: MonitorModel;
  actions: IMonitorViewActions;
  trans: TranslationBundle;
}

/** A monitor in the main area; it asks for nothing while another tab covers it. */
export class MonitorWidget extends ModelWidget<MonitorModel> {
  constructor(private _options: IMonitorWidgetOptions) {
    super(_options.model, _options.model.data);
    const { model } = _options;
    this.id = monitorWidgetId(model.project.key, model.name);
    this.addClass('jp-MlopsLab-hosted');
    this.addClass('jp-MlopsLab-monitor');
    this.title.icon = monitorIcon;
    this.title.label = model.name;
    this.node.dataset.monitor = model.name;
    model.changed.connect(this._onChanged, this);
    this._onChanged();
  }

  protected render(): ReactElement {
    const { model, actions, trans } = this._options;
    return (
      <TextContext.Provider value={translateBy(trans)}>
        <MonitorView model={model} actions={actions} trans={trans} />
      </TextContext.Provider>
    );
  }

  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    if (!this.node.contains(document.activeElement)) {
      const target = this.node.querySelector<HTMLElement>('[tabindex="0"], button');
      target?.focus({ preventScroll: true });
    }
  }

  private _onChanged(): void {
    const { page, name } = this.model;
    this.title.caption = page === null ? name : `${name}: ${page.sentence}`;
  }
}

/** One widget per monitor of a project. */
export function monitorWidgetId(project: string, name: string): string {
  return `mlops-lab-monitor-${project}-${name}`;
}
