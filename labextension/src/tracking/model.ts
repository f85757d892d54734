import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { IRunPatch } from '../api/client';
import type { RequestError } from '../api/request';
import type { IGoal, INeeds, INotebookRuns, IRunRow } from '../api/types';
import type { IChange, LiveProject } from '../state/live';
import type { IProjectModel } from '../state/project';
import type { Resource } from '../state/resource';
import { RunEdits } from './edits';
import { toWhere } from './expression';
import { RunPages } from './pages';
import { pathInProject } from '../state/path';
import { RunSelection } from './selection';

/** What is typed is searched for when the hand rests this long. */
const TYPING_MS = 250;

export type RunOrder = 'newest' | 'best';

export interface IRunsModelOptions {
  projects: IProjectModel;
  trans: TranslationBundle;
  /** The server's root folder as the page knows it. */
  serverRoot: string;
}

/** The runs of the current project as the sidebar shows them: searched, selected, acted upon. */
export class RunsModel implements IDisposable {
  constructor(options: IRunsModelOptions) {
    this.projects = options.projects;
    this.trans = options.trans;
    this._serverRoot = options.serverRoot;
    this.edits = new RunEdits(key => this.projects.of(key));
    this.edits.changed.connect(this._onEdit, this);
    this.projects.changed.connect(this._onProject, this);
    this._onProject();
  }

  readonly projects: IProjectModel;
  readonly trans: TranslationBundle;
  readonly selection = new RunSelection();
  /** What people change about runs. */
  readonly edits: RunEdits;

  /** Emitted when what is shown has changed, apart from pages, needs, card and selection. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Emitted when the search box is to take the keyboard. */
  get searchFocused(): ISignal<this, void> {
    return this._searchFocused;
  }

  get live(): LiveProject | null {
    return this._live;
  }

  /** The runs that match; null without a project. */
  get pages(): RunPages | null {
    return this._pages;
  }

  /** What needs a person; null without a project. */
  get needs(): Resource<INeeds> | null {
    return this._needs;
  }

  /** The current notebook's runs; null without a project or a notebook inside it. */
  get card(): Resource<INotebookRuns> | null {
    return this._card;
  }

  /** The current notebook's contents path; null without one. */
  get notebook(): string | null {
    return this._notebook;
  }
  set notebook(path: string | null) {
    if (path !== this._notebook) {
      this._notebook = path;
      this._openCard();
      this._changed.emit();
    }
  }

  /** Whether the sidebar is open: its list is read only then. */
  set active(active: boolean) {
    this._active = active;
    if (this._pages !== null) {
      this._pages.active = active && !this._folded;
    }
  }

  /** Whether the list of runs is folded away. */
  set folded(folded: boolean) {
    this._folded = folded;
    if (this._pages !== null) {
      this._pages.active = this._active && !folded;
    }
  }

  // --- search ---------------------------------------------------------------------------------

  /** What the search box holds. */
  get search(): string {
    return this._search;
  }

  /** Change what it holds; the list follows when the hand rests. */
  type(text: string): void {
    if (text !== this._search) {
      this._search = text;
      this._problem = null;
      window.clearTimeout(this._typing);
      this._typing = window.setTimeout(() => void this.apply(), text === '' ? 0 : TYPING_MS);
      this._changed.emit();
    }
  }

  /** The last search that was understood: what the list shows. */
  get applied(): string {
    return this._applied;
  }

  /** What is wrong with the search; its last valid result stays. */
  get problem(): RequestError | null {
    return this._problem;
  }

  get order(): RunOrder {
    return this._order;
  }

  sortBy(order: RunOrder): void {
    if (order !== this._order) {
      this._order = order;
      this._openPages();
    }
  }

  /** Search now for what the box holds. */
  async apply(): Promise<void> {
    window.clearTimeout(this._typing);
    const text = this._search;
    const where = toWhere(text);
    if (where === null || this._live === null || (where === this._where && !this._problem)) {
      return;
    }
    const next = this._makePages(where);
    if (!(await firstAnswer(next)) && next.error?.status === 400) {
      next.dispose();
      if (text === this._search) {
        this._problem = next.error;
        this._changed.emit();
      }
      return;
    }
    if (text !== this._search || next.isDisposed) {
      next.dispose(); // Typed on meanwhile.
      return;
    }
    this._applied = text.trim();
    this._where = where;
    this._problem = null;
    this._swap(next);
  }

  focusSearch(): void {
    this._searchFocused.emit();
  }

  /** The run with the best value of the goal metric: the closest fact when nothing matches. */
  async best(): Promise<IRunRow | null> {
    const order_by = this._bestFirst();
    if (order_by === undefined || this._live === null) {
      return null;
    }
    const { runs } = await this._live.client.runs({ order_by, limit: 1, sparkline: undefined });
    return runs[0] ?? null;
  }

  // --- actions --------------------------------------------------------------------------------

  /** Delete runs; they can be brought back for ten seconds here, and later on the command line. */
  async delete(ids: readonly string[], project = this._live?.key): Promise<void> {
    if (project === undefined || ids.length === 0) {
      return;
    }
    const name = ids.length === 1 ? (this._pages?.find(ids[0])?.name ?? ids[0].slice(0, 8)) : null;
    await this.edits.delete(project, ids, name, deleted => {
      this._pages?.remove(new Set(deleted));
      this.selection.remove(deleted);
    });
  }

  /** Change a run's name, star, tags, or add a note. */
  async update(id: string, patch: IRunPatch, project = this._live?.key): Promise<void> {
    if (project !== undefined) {
      await this.edits.act(project, async live => {
        this._pages?.put(await live.client.update(id, patch));
      });
    }
  }

  /** Take a run out of *Needs you*. */
  async seen(id: string): Promise<void> {
    if (this._live !== null) {
      await this.edits.act(this._live.key, async live => {
        await live.client.seen(id);
        await this._needs?.refresh();
      });
    }
  }

  /** Read everything again. */
  refresh(): void {
    void this.projects.refresh();
    this._live?.reload();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    window.clearTimeout(this._typing);
    this.edits.dispose();
    this.projects.changed.disconnect(this._onProject, this);
    this._live?.changed.disconnect(this._onChange, this);
    this._pages?.dispose();
    this._needs?.dispose();
    this._card?.dispose();
    Signal.clearData(this);
  }

  private _onProject(): void {
    if (this.projects.live !== this._live) {
      this._live?.changed.disconnect(this._onChange, this);
      this._live = this.projects.live;
      this._live?.changed.connect(this._onChange, this);
      this.selection.clear();
      this._pages?.dispose();
      this._pages = null;
      this._goal = null;
      this._needs?.dispose();
      this._needs = this._live?.resource({ load: client => client.needs() }) ?? null;
      if (this._live !== null) {
        this._openPages();
      }
      this._openCard();
    }
    this._changed.emit();
  }

  private _onChange(_: unknown, change: IChange): void {
    if (change.kind === 'runs') {
      this._pages?.invalidate();
    }
  }

  private _openPages(): void {
    this._swap(this._makePages(this._where));
  }

  private _makePages(where: string): RunPages {
    const client = this._live!.client;
    const order_by = this._order === 'best' ? this._bestFirst() : undefined;
    const pages = new RunPages({
      load: start => client.runs({ where: where || undefined, order_by, ...start }),
      visibility: this.projects.visible
    });
    pages.active = this._active && !this._folded;
    return pages;
  }

  /** The order that puts the best of the goal metric first; undefined before one is known. */
  private _bestFirst(): string | undefined {
    const goal = this._pages?.goal ?? this._goal;
    return goal ? `best(${goal.key}) ${goal.direction === 'max' ? 'desc' : 'asc'}` : undefined;
  }

  private _swap(pages: RunPages): void {
    // A list without rows names no goal: the last one that was named stays.
    this._goal = this._pages?.goal ?? this._goal;
    this._pages?.dispose();
    this._pages = pages;
    this._changed.emit();
  }

  private _openCard(): void {
    const path = this._notebookInProject();
    if (path === this._cardPath && this._live?.key === this._cardKey) {
      return;
    }
    this._cardPath = path;
    this._cardKey = this._live?.key;
    this._card?.dispose();
    this._card =
      path === null || this._live === null
        ? null
        : this._live.resource({ load: client => client.notebook(path) });
  }

  private _notebookInProject(): string | null {
    const project = this.projects.project;
    return project === null || this._notebook === null
      ? null
      : pathInProject(this._notebook, project.path, project.directory, this._serverRoot);
  }

  private _onEdit(): void {
    this._changed.emit();
  }

  private _live: LiveProject | null = null;
  private _pages: RunPages | null = null;
  private _needs: Resource<INeeds> | null = null;
  private _card: Resource<INotebookRuns> | null = null;
  private _cardPath: string | null = null;
  private _cardKey: string | undefined;
  private _notebook: string | null = null;
  private _serverRoot: string;
  private _active = false;
  private _folded = false;
  private _search = '';
  private _applied = '';
  private _where = '';
  private _order: RunOrder = 'newest';
  private _goal: IGoal | null = null;
  private _problem: RequestError | null = null;
  private _typing = 0;
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
  private _searchFocused = new Signal<this, void>(this);
}

/** Wait for a list's first answer; false when it failed. */
function firstAnswer(pages: RunPages): Promise<boolean> {
  return new Promise(resolve => {
    const check = (): void => {
      if (pages.total !== null || pages.error !== null) {
        pages.changed.disconnect(check);
        resolve(pages.error === null);
      }
    };
    pages.changed.connect(check);
    pages.show(0, 1);
  });
}
