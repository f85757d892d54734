import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { IRunDetail } from '../../api/types';
import type { LiveProject } from '../../state/live';
import type { Resource } from '../../state/resource';
import { isLive, loadRun } from './load';
import type { IRunData } from './load';

export type RunTab = 'overview' | 'metrics' | 'artifacts' | 'notebook' | 'log';
export const RUN_TABS: readonly RunTab[] = ['overview', 'metrics', 'artifacts', 'notebook', 'log'];

/** A run that a view shows: read again whenever the server says that it, or a step, has changed. */
export class RunModel implements IDisposable {
  constructor(
    readonly project: LiveProject,
    readonly id: string,
    tab: RunTab = 'overview'
  ) {
    this._tab = tab;
    this.data = project.resource<IRunData>({
      load: client => loadRun(client, id, this.data.value),
      concerns: change =>
        change.kind === 'runs' && (this._growing || (change.ids ?? []).some(one => this._has(one))),
      active: false
    });
    this.data.changed.connect(this._onData, this);
  }

  readonly data: Resource<IRunData>;

  get run(): IRunDetail | null {
    return this.data.value?.run ?? null;
  }

  /** The tab that is shown. */
  get tab(): RunTab {
    return this._tab;
  }

  /** The artifact that is previewed: `<run id>/<path>`. */
  get artifact(): string | null {
    return this._artifact;
  }

  /** The step whose notebook is shown; null: the first that has one. */
  get step(): string | null {
    return this._step;
  }

  /** Show a tab; the notebook's also of a certain step. */
  show(tab: RunTab, step: string | null = this._step): void {
    if (tab !== this._tab || step !== this._step) {
      this._tab = tab;
      this._step = step;
      this._changed.emit();
    }
  }

  /** Preview an artifact. */
  choose(artifact: string): void {
    if (artifact !== this._artifact) {
      this._artifact = artifact;
      this._changed.emit();
    }
  }

  /** Emitted when the data, an error or a choice of the person has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this.data.isDisposed;
  }

  dispose(): void {
    this.data.dispose();
    Signal.clearData(this);
  }

  /** A pipeline that runs gets new steps: of ids that nobody has seen yet. */
  private get _growing(): boolean {
    return this.run === null || (this.run.kind === 'pipeline' && isLive(this.run));
  }

  private _has(id: string): boolean {
    return id === this.id || (this.data.value?.steps.some(step => step.run.id === id) ?? false);
  }

  private _onData(): void {
    this._changed.emit();
  }

  private _tab: RunTab;
  private _artifact: string | null = null;
  private _step: string | null = null;
  private _changed = new Signal<this, void>(this);
}
