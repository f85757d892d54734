import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

/** Which runs are selected, and which one has the keyboard. */
export class RunSelection {
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The run that has the keyboard; null: the first row. */
  get focused(): string | null {
    return this._focused;
  }

  get ids(): ReadonlySet<string> {
    return this._ids;
  }

  get size(): number {
    return this._ids.size;
  }

  focus(id: string): void {
    if (id !== this._focused) {
      this._focused = id;
      this._changed.emit();
    }
  }

  /** Select a run, or take it out; a range later begins here. */
  toggle(id: string): void {
    const ids = new Set(this._ids);
    if (!ids.delete(id)) {
      ids.add(id);
    }
    this._set(ids, id, id);
  }

  /** Select the runs of a range and nothing else; the first of them is the anchor. */
  range(ids: readonly string[], focused: string): void {
    this._set(new Set(ids), focused, this._anchor ?? focused);
  }

  /** Where a range begins. */
  get anchor(): string | null {
    return this._anchor ?? this._focused;
  }

  remove(ids: readonly string[]): void {
    const rest = new Set(this._ids);
    ids.forEach(id => rest.delete(id));
    if (rest.size !== this._ids.size) {
      this._set(rest, this._focused, null);
    }
  }

  clear(): void {
    if (this._ids.size > 0) {
      this._set(new Set(), this._focused, null);
    }
  }

  /** What an action is about: the selection, else the focused run. */
  targets(): string[] {
    return this._ids.size > 0 ? [...this._ids] : this._focused === null ? [] : [this._focused];
  }

  private _set(ids: ReadonlySet<string>, focused: string | null, anchor: string | null): void {
    this._ids = ids;
    this._focused = focused;
    this._anchor = anchor;
    this._changed.emit();
  }

  private _ids: ReadonlySet<string> = new Set();
  private _focused: string | null = null;
  private _anchor: string | null = null;
  private _changed = new Signal<this, void>(this);
}
