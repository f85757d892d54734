import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

/** Whether anybody can see the page: nothing is asked of the server while it is hidden. */
export interface IVisibility {
  readonly visible: boolean;
  readonly changed: ISignal<IVisibility, boolean>;
}

/** The visibility of the browser's page. */
export class PageVisibility implements IVisibility, IDisposable {
  constructor() {
    document.addEventListener('visibilitychange', this._onChange);
  }

  get visible(): boolean {
    return document.visibilityState !== 'hidden';
  }

  get changed(): ISignal<this, boolean> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    document.removeEventListener('visibilitychange', this._onChange);
    Signal.clearData(this);
  }

  private _onChange = (): void => {
    this._changed.emit(this.visible);
  };
  private _isDisposed = false;
  private _changed = new Signal<this, boolean>(this);
}
