import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

/** Which sections are folded away; kept with the layout. */
export class Folds {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get ids(): readonly string[] {
    return [...this._ids];
  }

  has(id: string): boolean {
    return this._ids.has(id);
  }

  set(id: string, folded: boolean): void {
    if (folded !== this._ids.has(id)) {
      if (folded) {
        this._ids.add(id);
      } else {
        this._ids.delete(id);
      }
      this._changed.emit();
    }
  }

  private _ids = new Set<string>();
  private _changed = new Signal<this, void>(this);
}
