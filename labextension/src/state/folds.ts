import type { IStateDB } from '@jupyterlab/statedb';
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

/** Bring back which sections were folded, and keep it from then on, under the name `id`. */
export async function keepFolds(
  folds: Folds,
  state: IStateDB,
  id: string,
  restored: Promise<unknown>
): Promise<void> {
  const [saved] = await Promise.all([state.fetch(id), restored]);
  if (Array.isArray(saved)) {
    saved.forEach(one => typeof one === 'string' && folds.set(one, true));
  }
  folds.changed.connect(() => void state.save(id, [...folds.ids]));
}
