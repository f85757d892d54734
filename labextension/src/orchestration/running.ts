import type { IRunningSessions } from '@jupyterlab/running';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { IRunRow, IRuns } from '../api/types';
import { CommandIDs } from '../commands';
import { monitorIcon, pipelineIcon, runIcon } from '../icons';
import type { LiveProject } from '../state/live';
import type { Resource } from '../state/resource';
import type { IProjectModel } from '../tokens';

/** How the kinds of work are told apart. */
const ICONS: Record<string, typeof runIcon | undefined> = {
  pipeline: pipelineIcon,
  monitor: monitorIcon
};

export interface IRunningWorkOptions {
  projects: IProjectModel;
  commands: CommandRegistry;
  trans: TranslationBundle;
  /** Whether somebody can see the panel; nothing is asked for while nobody does. */
  looking: () => boolean;
}

/** The current project's running work, for JupyterLab's *Running* panel. */
export class RunningWork implements IRunningSessions.IManager, IDisposable {
  constructor(private _options: IRunningWorkOptions) {
    this.name = _options.trans.__('MLOps Lab runs');
    this.shutdownLabel = _options.trans.__('Stop');
    this.shutdownAllLabel = _options.trans.__('Stop All');
    this.shutdownAllConfirmationText = _options.trans.__(
      'Stop all running runs of this project? They end as killed; what they have logged stays.'
    );
    _options.projects.changed.connect(this._follow, this);
    this._follow();
  }

  readonly name: string;
  readonly shutdownLabel: string;
  readonly shutdownAllLabel: string;
  readonly shutdownAllConfirmationText: string;
  readonly supportsMultipleViews = false;

  get runningChanged(): ISignal<this, void> {
    return this._runningChanged;
  }

  running(): IRunningSessions.IRunningItem[] {
    const key = this._live?.key ?? null;
    return key === null ? [] : this._rows.map(row => this._item(key, row));
  }

  refreshRunning(): void {
    this.look();
    void this._resource?.refresh();
  }

  shutdownAll(): void {
    this._rows.forEach(row => void this._stop(row));
  }

  /** Whether the panel is seen may have changed. */
  look(): void {
    if (this._resource !== null) {
      this._resource.active = this._options.looking();
    }
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this._options.projects.changed.disconnect(this._follow, this);
    this._resource?.dispose();
    Signal.clearData(this);
  }

  private get _rows(): readonly IRunRow[] {
    return this._resource?.value?.runs ?? [];
  }

  private _item(project: string, row: IRunRow): IRunningSessions.IRunningItem {
    return {
      open: () => void this._options.commands.execute(CommandIDs.openRun, { project, id: row.id }),
      shutdown: () => void this._stop(row),
      icon: () => ICONS[row.kind] ?? runIcon,
      label: () => row.name,
      labelTitle: () => `${row.name} · ${row.subline || row.status}`,
      detail: () => row.subline
    };
  }

  private async _stop(row: IRunRow): Promise<void> {
    const project = this._live?.key;
    await this._options.commands.execute(CommandIDs.stopRun, { project, id: row.id });
  }

  private _follow(): void {
    const { live } = this._options.projects;
    if (live === this._live) {
      return;
    }
    this._resource?.dispose();
    this._live = live;
    this._resource =
      live?.resource<IRuns>({
        load: client =>
          client.runs({
            where: "status in ('running', 'scheduled')",
            sparkline: 'none',
            limit: 100
          }),
        concerns: change => change.kind === 'runs',
        active: this._options.looking()
      }) ?? null;
    this._resource?.changed.connect(() => this._runningChanged.emit());
    this._runningChanged.emit();
  }

  private _live: LiveProject | null = null;
  private _resource: Resource<IRuns> | null = null;
  private _isDisposed = false;
  private _runningChanged = new Signal<this, void>(this);
}
