import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { IDisposable } from '@lumino/disposable';
import type { LiveProject } from '../state/live';
import { asRequestError } from '../state/resource';

/** How long a deletion can be undone. */
const UNDO_MS = 10_000;

/** A deletion that can still be undone. */
export interface IUndo {
  project: string;
  ids: readonly string[];
  /** The one run's name, or null when there are several. */
  name: string | null;
}

/** What people change about runs: what can be undone of it, and why the last did not work. */
export class RunEdits implements IDisposable {
  constructor(private _project: (key: string) => LiveProject) {}

  /** Emitted when `undo` or `failure` have changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A deletion that can still be undone. */
  get undo(): IUndo | null {
    return this._undo;
  }

  /** Why the last action did not work; shown once. */
  get failure(): string | null {
    return this._failure;
  }

  dismissFailure(): void {
    this._failure = null;
    this._changed.emit();
  }

  /** Change something in a project; what it shows is read again afterwards. */
  async act(key: string, act: (live: LiveProject) => Promise<void>): Promise<void> {
    const live = this._project(key);
    try {
      await act(live);
      this._failure = null;
    } catch (error) {
      this._failure = asRequestError(error).message;
    }
    this._changed.emit();
    live.reload(); // An unwatched project announces nothing.
  }

  /** Delete runs; they can be brought back for ten seconds here, and later on the command line. */
  async delete(
    key: string,
    ids: readonly string[],
    name: string | null,
    onDeleted: (ids: readonly string[]) => void
  ): Promise<void> {
    await this.act(key, async live => {
      const { deleted } = await live.client.delete(ids);
      onDeleted(deleted);
      this._offerUndo({ project: key, ids: deleted, name });
    });
  }

  /** Bring back what was deleted last. */
  async undelete(): Promise<void> {
    const undo = this._undo;
    if (undo !== null) {
      this._offerUndo(null);
      await this.act(undo.project, live => live.client.restore(undo.ids));
    }
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    window.clearTimeout(this._timer);
    Signal.clearData(this);
  }

  private _offerUndo(undo: IUndo | null): void {
    window.clearTimeout(this._timer);
    this._undo = undo !== null && undo.ids.length > 0 ? undo : null;
    if (this._undo !== null) {
      this._timer = window.setTimeout(() => this._offerUndo(null), UNDO_MS);
    }
    this._changed.emit();
  }

  private _undo: IUndo | null = null;
  private _failure: string | null = null;
  private _timer = 0;
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
}
