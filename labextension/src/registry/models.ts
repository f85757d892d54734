import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { IModelRow, IModels } from '../api/registry';
import { RegistryClient } from '../api/registry';
import type { LiveProject } from '../state/live';
import type { IProjectModel } from '../state/project';
import type { Resource } from '../state/resource';

/** The models of the current project as the sidebar shows them. */
export class ModelsModel implements IDisposable {
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

  /** The models; null without a project. */
  get models(): Resource<IModels> | null {
    return this._models;
  }

  /** Whether anybody looks. */
  set active(active: boolean) {
    this._active = active;
    if (this._models !== null) {
      this._models.active = active;
    }
  }

  /** The model that has the keyboard. */
  get focused(): string | null {
    return this._focused;
  }

  focus(name: string): void {
    if (name !== this._focused) {
      this._focused = name;
      this._changed.emit();
    }
  }

  find(name: string | null): IModelRow | undefined {
    return this._models?.value?.models.find(model => model.name === name);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this.projects.changed.disconnect(this._onProject, this);
    this._models?.dispose();
    Signal.clearData(this);
  }

  private _onProject(): void {
    const { live } = this.projects;
    if (live === this._live) {
      return;
    }
    this._live = live;
    this._models?.dispose();
    this._models =
      live?.resource<IModels>({
        load: client => new RegistryClient(client).models(),
        concerns: ({ kind, ids }) => kind === 'models' || ids === null,
        active: this._active
      }) ?? null;
    this._models?.changed.connect(this._emit, this);
    this._emit();
  }

  private _emit(): void {
    this._changed.emit();
  }

  private _live: LiveProject | null = null;
  private _models: Resource<IModels> | null = null;
  private _active = false;
  private _focused: string | null = null;
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
}
