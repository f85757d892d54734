import { PathExt } from '@jupyterlab/coreutils';
import type { Event } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import * as v from 'valibot';
import type { LabClient } from '../api/client';
import type { RequestError } from '../api/request';
import type { IProject } from '../api/types';
import { CHANGED, Changed } from '../api/types';
import { LiveProject } from './live';
import { asRequestError } from './resource';
import type { IVisibility } from './visibility';

/** How often a folder without a project is looked at again: a kernel may make one at any moment. */
const LOOK_MS = 3_000;

/** The project that the page is about, and the way to every other. */
export interface IProjectModel {
  /** The current project's key; null without one. */
  readonly key: string | null;
  readonly project: IProject | null;
  /** Those the server knows, for the switcher. */
  readonly projects: readonly IProject[];
  /** The current project with its client and its changes; null without one. */
  readonly live: LiveProject | null;
  /** Whether the first answer is still awaited. */
  readonly loading: boolean;
  /** Why the projects could not be read. */
  readonly error: RequestError | null;
  /** The contents path that is followed. */
  readonly near: string;
  /** Its folder: where a new project or notebook would be made. */
  readonly folder: string;
  /** Emitted when any of the above has changed. */
  readonly changed: ISignal<IProjectModel, void>;
  readonly client: LabClient;
  /** The gate of all requests: whether the page can be seen. */
  readonly visible: IVisibility;

  /** Any project by its key; a run view keeps its own, whatever the current one is. */
  of(key: string): LiveProject;
  /** Look for the project of a contents path: the current notebook's, else the file browser's. */
  follow(path: string, folder?: string): void;
  /** Show another project until another folder is followed. */
  choose(key: string): void;
  /** Read the projects again. */
  refresh(): Promise<void>;
  /** Make the followed folder a project. */
  create(): Promise<IProject>;
}

export interface IProjectModelOptions {
  client: LabClient;
  events: ISignal<unknown, Event.Emission>;
  visibility: IVisibility;
}

export class ProjectModel implements IProjectModel, IDisposable {
  constructor({ client, events, visibility }: IProjectModelOptions) {
    this.client = client;
    this.visible = visibility;
    this._events = events;
    events.connect(this._onEvent, this);
    visibility.changed.connect(this._look, this);
  }

  readonly client: LabClient;
  readonly visible: IVisibility;

  get key(): string | null {
    return this._project?.key ?? null;
  }

  get project(): IProject | null {
    return this._project;
  }

  get projects(): readonly IProject[] {
    return this._projects;
  }

  get live(): LiveProject | null {
    return this._project === null ? null : this.of(this._project.key);
  }

  get loading(): boolean {
    return this._loading;
  }

  get error(): RequestError | null {
    return this._error;
  }

  get near(): string {
    return this._near ?? '';
  }

  get folder(): string {
    return this._folder ?? '';
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  of(key: string): LiveProject {
    let live = this._live.get(key);
    if (live === undefined) {
      live = new LiveProject(this.client.of(key), this.visible);
      this._live.set(key, live);
    }
    return live;
  }

  follow(path: string, folder = PathExt.dirname(path)): void {
    this._near = path;
    if (folder !== this._folder) {
      this._folder = folder;
      this._chosen = null;
      void this.refresh();
    }
  }

  choose(key: string): void {
    this._chosen = key;
    this._settle(this._current);
    this._changed.emit();
    void this.refresh();
  }

  async refresh(): Promise<void> {
    const asked = ++this._asked;
    try {
      const { projects, current } = await this.client.projects(this.near);
      if (asked !== this._asked || this._isDisposed) {
        return; // A later question is on its way.
      }
      this._projects = projects;
      this._error = null;
      this._settle(current);
    } catch (error) {
      if (asked !== this._asked || this._isDisposed) {
        return;
      }
      this._error = asRequestError(error);
    }
    this._loading = false;
    this._changed.emit();
    this._look();
  }

  async create(): Promise<IProject> {
    const project = await this.client.createProject(this.folder);
    this._chosen = project.key;
    await this.refresh();
    return project;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    window.clearTimeout(this._timer);
    this._events.disconnect(this._onEvent, this);
    this.visible.changed.disconnect(this._look, this);
    this._live.forEach(live => live.dispose());
    Signal.clearData(this);
  }

  /** Choose between what the path belongs to and what a person picked. */
  private _settle(current: IProject | null): void {
    this._current = current;
    const chosen = this._projects.find(project => project.key === this._chosen) ?? null;
    this._project = chosen ?? current;
  }

  /** Without a project nothing is watched and nothing announced: look again, while visible. */
  private _look(): void {
    window.clearTimeout(this._timer);
    const waiting = this._project === null || this._error !== null;
    if (waiting && this._near !== null && this.visible.visible && !this._isDisposed) {
      this._timer = window.setTimeout(() => void this.refresh(), LOOK_MS);
    }
  }

  private _onEvent(_: unknown, event: Event.Emission): void {
    if (event.schema_id !== CHANGED) {
      return;
    }
    const result = v.safeParse(Changed, event);
    if (!result.success) {
      return; // A later version's event: the next watch reads everything.
    }
    const change = result.output;
    const missed = this._seq !== null && change.seq !== this._seq + 1;
    this._seq = change.seq;
    if (missed) {
      this._live.forEach(live => live.reload());
    } else {
      this._live.get(change.project)?.receive(change);
    }
  }

  private _project: IProject | null = null;
  private _current: IProject | null = null;
  private _projects: readonly IProject[] = [];
  private _live = new Map<string, LiveProject>();
  private _near: string | null = null;
  private _folder: string | null = null;
  private _chosen: string | null = null;
  private _error: RequestError | null = null;
  private _loading = true;
  private _asked = 0;
  private _seq: number | null = null;
  private _timer = 0;
  private _isDisposed = false;
  private _events: ISignal<unknown, Event.Emission>;
  private _changed = new Signal<this, void>(this);
}
