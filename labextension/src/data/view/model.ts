import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type {
  IDatasetDiff,
  IDatasetPage,
  IDatasetVersion,
  IDatasetVersionRow
} from '../../api/data';
import { DataClient } from '../../api/data';
import { readLineage } from '../../api/lineage';
import type { IGraph } from '../../api/lineage';
import type { IChange, LiveProject } from '../../state/live';
import type { Resource } from '../../state/resource';
import { refOf } from '../lines';

export const DATASET_TABS = ['profile', 'checks', 'diff', 'lineage', 'preview', 'files'] as const;
export type DatasetTab = (typeof DATASET_TABS)[number];

/** Where a view begins; all but the name comes from links and the saved layout. */
export interface IDatasetPlace {
  version?: number;
  tab?: DatasetTab;
}

/** A dataset of which a view shows one version, with what it is compared to. */
export class DatasetModel implements IDisposable {
  constructor(
    readonly project: LiveProject,
    readonly name: string,
    { version, tab }: IDatasetPlace = {}
  ) {
    this._version = version ?? null;
    this._tab = tab ?? null;
    this.page = this._resource(client => client.dataset(name));
    this.page.changed.connect(this._onPage, this);
    this._follow();
  }

  /** The dataset's versions, newest first. */
  readonly page: Resource<IDatasetPage>;

  /** Emitted when the data, an error or a choice of the person has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Whether anybody looks. */
  get active(): boolean {
    return this._active;
  }
  set active(active: boolean) {
    this._active = active;
    this.page.active = active;
    this._activate();
  }

  get versions(): readonly IDatasetVersionRow[] {
    return this.page.value?.versions ?? [];
  }

  /** The version that is shown: the one that was asked for, else the latest, else the newest. */
  get version(): number | null {
    const { versions } = this;
    const usual = versions.find(one => one.is_latest) ?? versions[0];
    return this._version ?? usual?.version ?? null;
  }

  /** What is known of the shown version; null before its number is known. */
  get detail(): Resource<IDatasetVersion> | null {
    return this._detail;
  }

  /** The version as it was last seen: while another is on its way, the one before it. */
  get shown(): IDatasetVersion | null {
    return this._detail?.value ?? this._last;
  }

  /** The tab that is shown; a blocked version begins with the checks that block it. */
  get tab(): DatasetTab {
    return this._tab ?? (this.shown?.state === 'blocked' ? 'checks' : 'profile');
  }

  /** The version that the shown one is compared with: the one before it unless another is chosen. */
  get against(): number | null {
    if (this._against !== null && this._against !== this.version) {
      return this._against;
    }
    const { versions, version } = this;
    const at = versions.findIndex(one => one.version === version);
    const before = versions[at + 1] ?? versions[at - 1];
    return before?.version ?? null;
  }

  /** The columns by which rows are told apart, as typed: `flight_id` or `origin, observed_at`. */
  get key(): string {
    return this._key;
  }

  /** How the shown version differs; null unless that tab is open. */
  get diff(): Resource<IDatasetDiff> | null {
    return this._diff?.resource ?? null;
  }

  /** What the shown version was made from and what was made of it; null unless that tab is open. */
  get lineage(): Resource<IGraph> | null {
    return this._lineage?.resource ?? null;
  }

  show(tab: DatasetTab): void {
    if (tab !== this._tab) {
      this._tab = tab;
      this._follow();
      this._changed.emit();
    }
  }

  /** Show another version. */
  choose(version: number): void {
    if (version !== this.version) {
      this._version = version;
      this._follow();
      this._changed.emit();
    }
  }

  /** The version before (-1) or after (1) the shown one; null at either end. */
  beside(step: -1 | 1): number | null {
    const { versions, version } = this;
    const at = versions.findIndex(one => one.version === version);
    return at < 0 ? null : (versions[at - step]?.version ?? null);
  }

  /** Compare with another version than the one before it. */
  compare(against: number): void {
    this._against = against;
    this._follow();
    this._changed.emit();
  }

  /** Tell the rows apart by these columns; by none, they are not compared. */
  tellApart(key: string): void {
    this._key = key;
    this._follow();
    this._changed.emit();
  }

  /** Ask again for whatever could not be read. */
  retry(): void {
    for (const resource of [this.page, this._detail, this.diff, this.lineage]) {
      if (resource?.error) {
        void resource.refresh();
      }
    }
  }

  get isDisposed(): boolean {
    return this.page.isDisposed;
  }

  dispose(): void {
    this.page.dispose();
    this._detail?.dispose();
    this._diff?.resource.dispose();
    this._lineage?.resource.dispose();
    Signal.clearData(this);
  }

  private _onPage(): void {
    this._follow();
    this._changed.emit();
  }

  /** Make the resources those of what is shown. */
  private _follow(): void {
    const { version, against, key, tab } = this;
    if (version !== null && version !== this._detailOf) {
      this._last = this.shown;
      this._detail?.dispose();
      this._detailOf = version;
      this._detail = this._resource(client => client.version(this.name, version));
      this._detail.changed.connect(this._emit, this);
    }
    const comparing = tab === 'diff' && version !== null && against !== null;
    this._diff = this._only(this._diff, comparing ? `${version} ${against} ${key}` : null, () =>
      this._resource(client => client.diff(this.name, version!, against!, key))
    );
    const asked = tab === 'lineage' && version !== null ? String(version) : null;
    this._lineage = this._only(this._lineage, asked, () => {
      const node = `dataset:${refOf(this.name, version!)}`;
      return this.project.resource<IGraph>({
        load: client => readLineage(client, node),
        active: this._active
      });
    });
  }

  /** The resource of one question; a new one where the question is another. */
  private _only<T>(
    old: IAsked<T> | null,
    question: string | null,
    ask: () => Resource<T>
  ): IAsked<T> | null {
    if (old?.question === question) {
      return old;
    }
    old?.resource.dispose();
    if (question === null) {
      return null;
    }
    const resource = ask();
    resource.changed.connect(this._emit, this);
    return { question, resource };
  }

  private _resource<T>(load: (client: DataClient) => Promise<T>): Resource<T> {
    return this.project.resource<T>({
      load: client => load(new DataClient(client)),
      concerns: change => this._concerns(change),
      active: this._active
    });
  }

  private _concerns({ kind, ids }: IChange): boolean {
    return kind === 'datasets' && (ids === null || ids.includes(this.name));
  }

  private _activate(): void {
    for (const resource of [this._detail, this.diff, this.lineage]) {
      if (resource !== null) {
        resource.active = this._active;
      }
    }
  }

  private _emit(): void {
    this._changed.emit();
  }

  private _active = false;
  private _version: number | null;
  private _tab: DatasetTab | null;
  private _against: number | null = null;
  private _key = '';
  private _detail: Resource<IDatasetVersion> | null = null;
  private _detailOf: number | null = null;
  private _last: IDatasetVersion | null = null;
  private _diff: IAsked<IDatasetDiff> | null = null;
  private _lineage: IAsked<IGraph> | null = null;
  private _changed = new Signal<this, void>(this);
}

interface IAsked<T> {
  question: string;
  resource: Resource<T>;
}
