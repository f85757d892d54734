import type { Message } from '@lumino/messaging';
import type { ReactElement } from 'react';
import { modelIcon } from '../icons';
import { ModelWidget } from '../model-widget';
import { Registry } from '../views/registry/registry';
import { TextContext } from '../views/text';
import type { Translate } from '../views/text';
import type { RegistryModel } from './model';

/** The registry browser in the main area; it asks for nothing while another tab covers it. */
export class RegistryWidget extends ModelWidget<RegistryModel> {
  constructor(
    model: RegistryModel,
    private _translate: Translate
  ) {
    super(model, model.data);
    this.id = registryWidgetId(model.project.key);
    this.addClass('jp-MlopsLab-hosted');
    this.addClass('jp-MlopsLab-models');
    this.title.icon = modelIcon;
    model.changed.connect(this._onChanged, this);
    this._onChanged();
  }

  protected render(): ReactElement {
    return (
      <TextContext.Provider value={this._translate}>
        <Registry model={this.model.view} />
      </TextContext.Provider>
    );
  }

  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    // A sheet that has just been opened keeps the keyboard.
    if (!this.node.contains(document.activeElement)) {
      const row = this.node.querySelector<HTMLElement>('[role="row"][tabindex="0"]');
      (row ?? this.node.querySelector<HTMLElement>('main'))?.focus({ preventScroll: true });
    }
  }

  private _onChanged(): void {
    const { model, version } = this.model.selection;
    this.title.label = model ?? this._translate('Models');
    this.title.caption =
      model === null ? this.title.label : [model, version].filter(Boolean).join(' ');
  }
}

/** One browser per project: another model is shown in the same one. */
export function registryWidgetId(project: string): string {
  return `mlops-lab-models-${project}`;
}
