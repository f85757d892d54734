import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { ProjectClient } from '../api/client';
import type { IChange, LiveProject } from './live';
import type { IProjectModel } from './project';
import type { Resource } from './resource';

/** One of the current project's lists as the sidebar shows it: its rows have names. */
export abstract class ListModel<T> implements IDisposable {
  constructor(
    readonly projects: IProjectModel,
    readonly trans: TranslationBundle
  ) {
    projects.changed.connect(this._onProject, this);
    this._onProject();
  }

  /** Emitted when what is shown has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** What the server gives; null without a project. */
  get list(): Resource<T> | null {
    return this._list;
  }

  /** Whether anybody looks. */
  set active(active: boolean) {
    this._active = active;
    if (this._list !== null) {
      this._list.active = active;
    }
  }

  /** The row that has the keyboard. */
  get focused(): string | null {
    return this._focused;
  }

  focus(name: string): void {
    if (name !== this._focused) {
      this._focused = name;
      this._changed.emit();
    }
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this.projects.changed.disconnect(this._onProject, this);
    this._list?.dispose();
    Signal.clearData(this);
  }

  protected abstract load(client: ProjectClient): Promise<T>;

  /** Whether a change makes the list out of date. */
  protected abstract concerns(change: IChange): boolean;

  private _onProject(): void {
    const { live } = this.projects;
    if (live === this._live) {
      return;
    }
    this._live = live;
    this._list?.dispose();
    this._list =
      live?.resource<T>({
        load: client => this.load(client),
        concerns: change => this.concerns(change),
        active: this._active
      }) ?? null;
    this._list?.changed.connect(this._emit, this);
    this._emit();
  }

  private _emit(): void {
    this._changed.emit();
  }

  private _live: LiveProject | null = null;
  private _list: Resource<T> | null = null;
  private _active = false;
  private _focused: string | null = null;
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
}
