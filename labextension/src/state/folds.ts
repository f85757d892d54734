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

/** Folds that are remembered under the name `id`, where there is something to remember them. */
export function foldsOf(state: IStateDB | null, id: string, restored: Promise<unknown>): Folds {
  const folds = new Folds();
  if (state !== null) {
    void keepFolds(folds, state, id, restored);
  }
  return folds;
}

/** Bring back which sections were folded, and keep it from then on. */
async function keepFolds(
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
