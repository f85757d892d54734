import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { IDatasetPage, IDatasetRow, IDatasets, IDatasetVersionRow } from '../api/data';
import { DataClient } from '../api/data';
import type { LiveProject } from '../state/live';
import type { IProjectModel } from '../state/project';
import type { Resource } from '../state/resource';
import { refOf } from './lines';

/** So many versions of a dataset are shown at first. */
const NEWEST = 10;

/** So many datasets are shown at first: the runs need room, too. */
const RECENT = 8;

/** A row of the section: a dataset, a version of one that is unfolded, or what stands for others. */
export type IDataRow =
  | { kind: 'dataset'; id: string; dataset: IDatasetRow; open: boolean }
  | { kind: 'version'; id: string; dataset: IDatasetRow; version: IDatasetVersionRow }
  | { kind: 'waiting'; id: string; dataset: IDatasetRow; error: string | null }
  | { kind: 'older'; id: string; dataset: IDatasetRow; count: number };

/** Which version a command is about. */
export interface IDataSubject {
  project: string;
  name: string;
  /** Null: a dataset of which nothing is known yet but its name. */
  version: number | null;
  /** Whether it can be read as a table; null: not known. */
  tabular: boolean | null;
}

/** The datasets of the current project as the sidebar shows them. */
export class DatasetsModel implements IDisposable {
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

  /** The datasets; null without a project. */
  get datasets(): Resource<IDatasets> | null {
    return this._datasets;
  }

  /** Whether anybody looks. */
  get active(): boolean {
    return this._active;
  }
  set active(active: boolean) {
    this._active = active;
    if (this._datasets !== null) {
      this._datasets.active = active;
    }
    this._pages.forEach(page => {
      page.active = active;
    });
  }

  /** The row that has the keyboard. */
  get focused(): string | null {
    return this._focused;
  }

  /** The same as what stands there. */
  get current(): IDataRow | undefined {
    return this.rows().find(row => row.id === this._focused);
  }

  focus(id: string): void {
    this._place = this.rows().findIndex(row => row.id === id);
    if (id !== this._focused) {
      this._focused = id;
      this._changed.emit();
    }
  }

  /** Where the row that has the keyboard stands; where it has gone, what is in its place has it. */
  placeIn(rows: readonly IDataRow[]): number {
    const at = rows.findIndex(row => row.id === this._focused);
    return at >= 0 ? at : Math.min(Math.max(0, this._place), rows.length - 1);
  }

  /** How many datasets wait behind a button: those that have not changed lately. */
  get waiting(): number {
    return (this._datasets?.value?.datasets.length ?? 0) - this._shown().length;
  }

  /** Whether all datasets are shown, not only those that changed lately. */
  get all(): boolean {
    return this._all;
  }

  showDatasets(all: boolean): void {
    this._all = all;
    this._changed.emit();
  }

  /** Show a dataset's versions below it, or fold them away. */
  unfold(name: string, open: boolean): void {
    if (open === this._pages.has(name) || this._live === null) {
      return;
    }
    if (open) {
      const page = this._live.resource<IDatasetPage>({
        load: client => new DataClient(client).dataset(name),
        concerns: ({ kind, ids }) => kind === 'datasets' && (ids === null || ids.includes(name)),
        active: this._active
      });
      page.changed.connect(this._emit, this);
      this._pages.set(name, page);
    } else {
      this._pages.get(name)?.dispose();
      this._pages.delete(name);
      this._whole.delete(name);
      this._focused = name;
    }
    this._changed.emit();
  }

  /** Show all versions of a dataset, not only the newest. */
  showAll(name: string): void {
    this._whole.add(name);
    this._changed.emit();
  }

  /** What stands in the section, from top to bottom. */
  rows(): IDataRow[] {
    return this._shown().flatMap((dataset): IDataRow[] => {
      const page = this._pages.get(dataset.name);
      const head: IDataRow = {
        kind: 'dataset',
        id: dataset.name,
        dataset,
        open: page !== undefined
      };
      if (page === undefined) {
        return [head];
      }
      if (page.value === null) {
        const error = page.error?.message ?? null;
        return [head, { kind: 'waiting', id: `${dataset.name}@`, dataset, error }];
      }
      const { versions } = page.value;
      // One more is shown instead of a row that says so.
      const whole = this._whole.has(dataset.name) || versions.length <= NEWEST + 1;
      const shown = (whole ? versions : versions.slice(0, NEWEST)).map((version): IDataRow => ({
        kind: 'version',
        id: refOf(dataset.name, version.version),
        dataset,
        version
      }));
      const count = versions.length - shown.length;
      const older: IDataRow = { kind: 'older', id: `${dataset.name}@older`, dataset, count };
      return count > 0 ? [head, ...shown, older] : [head, ...shown];
    });
  }

  /** What the row that has the keyboard stands for. */
  subject(): IDataSubject | null {
    const project = this._live?.key;
    const row = this.current;
    return project === undefined || row === undefined ? null : { project, ...subjectOf(row) };
  }

  /** Read everything again. */
  refresh(): void {
    this._live?.reload();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this.projects.changed.disconnect(this._onProject, this);
    this._forget();
    Signal.clearData(this);
  }

  /** The datasets that are shown, in the server's order. */
  private _shown(): readonly IDatasetRow[] {
    const datasets = this._datasets?.value?.datasets ?? [];
    // One more is shown instead of a button that says so.
    if (this._all || datasets.length <= RECENT + 1) {
      return datasets;
    }
    const changed = ({ updated_at }: IDatasetRow): number => Date.parse(updated_at ?? '') || 0;
    const recent = [...datasets].sort((a, b) => changed(b) - changed(a)).slice(0, RECENT);
    return datasets.filter(one => recent.includes(one) || this._pages.has(one.name));
  }

  private _onProject(): void {
    const { live } = this.projects;
    if (live === this._live) {
      return;
    }
    this._forget();
    this._live = live;
    this._focused = null;
    this._place = 0;
    this._all = false;
    this._datasets =
      live?.resource<IDatasets>({
        load: client => new DataClient(client).datasets(),
        concerns: change => change.kind === 'datasets',
        active: this._active
      }) ?? null;
    this._datasets?.changed.connect(this._emit, this);
    this._changed.emit();
  }

  private _forget(): void {
    this._datasets?.dispose();
    this._pages.forEach(page => page.dispose());
    this._pages.clear();
  }

  private _emit(): void {
    this._changed.emit();
  }

  private _live: LiveProject | null = null;
  private _datasets: Resource<IDatasets> | null = null;
  private _pages = new Map<string, Resource<IDatasetPage>>();
  private _whole = new Set<string>();
  private _active = false;
  private _focused: string | null = null;
  private _place = 0;
  private _all = false;
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
}

/** The version that a row stands for: a dataset's is its latest. */
export function subjectOf(row: IDataRow): Omit<IDataSubject, 'project'> {
  if (row.kind === 'version') {
    const { version, rows } = row.version;
    return { name: row.dataset.name, version, tabular: rows !== null };
  }
  const { name, latest } = row.dataset;
  return {
    name,
    version: latest?.version ?? null,
    tabular: latest === null ? null : latest.rows !== null
  };
}
