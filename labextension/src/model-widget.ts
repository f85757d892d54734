import { ReactWidget } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';

/** What asks the server only while somebody looks. */
export interface IAsking {
  active: boolean;
}

/** A view in the main area with its model: it asks for nothing while another tab covers it. */
export abstract class ModelWidget<M extends IDisposable> extends ReactWidget {
  constructor(
    readonly model: M,
    private _asking: IAsking
  ) {
    super();
    this.addClass('jp-MlopsLab-root');
    this.title.closable = true;
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.model.dispose();
      super.dispose();
    }
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._asking.active = true;
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._asking.active = this.isVisible;
  }

  protected onBeforeHide(message: Message): void {
    super.onBeforeHide(message);
    this._asking.active = false;
  }
}
