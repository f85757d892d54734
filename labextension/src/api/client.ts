import type { ServerConnection } from '@jupyterlab/services';
import type * as v from 'valibot';
import type { IRequestInit } from './request';
import { request, requestJSON } from './request';
import * as wire from './types';

/** What `GET …/runs` can be asked. */
export interface IRunsQuery {
  where?: string;
  order_by?: string;
  limit?: number;
  cursor?: string;
  /** Where a jump begins, when no cursor is known. */
  offset?: number;
  /** `none` (the default): top level only; `any`; or a run's id: its children. */
  parent?: string;
  sparkline?: string;
  /** A notebook's path inside the project: its runs only. */
  notebook?: string;
  deleted?: boolean;
  signal?: AbortSignal;
}

/** What `PATCH …/runs/{id}` can change; a tag set to null goes. */
export interface IRunPatch {
  name?: string;
  starred?: boolean;
  tags?: Record<string, string | null>;
  note?: string;
}

/** The routes that name no project. */
export class LabClient {
  constructor(readonly settings: ServerConnection.ISettings) {}

  /** The known projects, and the one that a contents path belongs to. */
  projects(near: string): Promise<wire.IProjects> {
    return requestJSON(wire.Projects, 'projects', this.settings, { query: { near } });
  }

  /** Make a project of the folder of a contents path. */
  createProject(near: string): Promise<wire.IProject> {
    return requestJSON(wire.Project, 'projects', this.settings, { method: 'POST', body: { near } });
  }

  /** Make the example project in a folder, and start its pipeline. */
  createExample(near: string): Promise<wire.IExample> {
    const init = { method: 'POST', body: { near } };
    return requestJSON(wire.Example, 'projects/example', this.settings, init);
  }

  /** The client of one project. */
  of(key: string): ProjectClient {
    return new ProjectClient(key, this.settings);
  }
}

/** The routes below `projects/{key}`. */
export class ProjectClient {
  constructor(
    readonly key: string,
    readonly settings: ServerConnection.ISettings
  ) {}

  project(): Promise<wire.IProject> {
    return this._json(wire.Project, '');
  }

  /** Keep the server's watcher on this project for another 60 s. */
  async watch(): Promise<void> {
    await this._send('watch', { method: 'POST' });
  }

  experiments(): Promise<wire.IExperiments> {
    return this._json(wire.Experiments, 'experiments');
  }

  runs({ signal, ...query }: IRunsQuery = {}): Promise<wire.IRuns> {
    return this._json(wire.Runs, 'runs', { query: { sparkline: 'auto', ...query }, signal });
  }

  needs(): Promise<wire.INeeds> {
    return this._json(wire.Needs, 'needs');
  }

  /** Take a run out of what needs a person. */
  async seen(id: string): Promise<void> {
    await this._send(`runs/${id}/seen`, { method: 'POST' });
  }

  /** What the sidebar says about a notebook, by its path inside the project. */
  notebook(path: string): Promise<wire.INotebookRuns> {
    return this._json(wire.NotebookRuns, 'notebook', { query: { path } });
  }

  run(id: string): Promise<wire.IRunDetail> {
    return this._json(wire.RunDetail, `runs/${id}`);
  }

  update(id: string, patch: IRunPatch): Promise<wire.IRunRow> {
    return this._json(wire.RunRow, `runs/${id}`, { method: 'PATCH', body: patch });
  }

  delete(ids: readonly string[]): Promise<{ deleted: string[] }> {
    return this._json(wire.Deleted, 'runs/delete', { method: 'POST', body: { ids } });
  }

  async restore(ids: readonly string[]): Promise<void> {
    await this._send('runs/restore', { method: 'POST', body: { ids } });
  }

  /** Ask a run to stop; it ends `killed` by itself. */
  async cancel(id: string): Promise<void> {
    await this._send(`runs/${id}/cancel`, { method: 'POST' });
  }

  /** Metric histories, at most `points` points each; all keys, or one. */
  async histories(id: string, points = 300, key?: string): Promise<wire.ISeries[]> {
    const query = { points, key };
    return (await this._json(wire.Histories, `runs/${id}/metrics`, { query })).series;
  }

  artifacts(id: string, under = ''): Promise<wire.IArtifacts> {
    return this._json(wire.Artifacts, `runs/${id}/artifacts`, { query: { under } });
  }

  /** An artifact's bytes. The server never says what they are: the record does. */
  async artifact(id: string, path: string): Promise<Blob> {
    const response = await this._send(`runs/${id}/artifacts/${encodePath(path)}`);
    return response.blob();
  }

  /** The first rows of a table that a run keeps. */
  preview(id: string, path: string, rows = 100): Promise<wire.IPreview> {
    return this._json(wire.Preview, `runs/${id}/previews/${encodePath(path)}`, { query: { rows } });
  }

  log(id: string, offset = 0): Promise<wire.ILog> {
    return this._json(wire.Log, `runs/${id}/log`, { query: { offset } });
  }

  pipelines(): Promise<wire.IPipelines> {
    return this._json(wire.Pipelines, 'pipelines');
  }

  /** Start a pipeline as detached work; answers before it runs. */
  async runPipeline(path: string, params: Record<string, unknown> = {}): Promise<string> {
    const init = { method: 'POST', body: { path, params } };
    return (await this._json(wire.Started, 'pipelines/run', init)).run_id;
  }

  private _send(path: string, init?: IRequestInit): Promise<Response> {
    return request(this._path(path), this.settings, init);
  }

  private _json<S extends v.GenericSchema>(
    schema: S,
    path: string,
    init?: IRequestInit
  ): Promise<v.InferOutput<S>> {
    return requestJSON(schema, this._path(path), this.settings, init);
  }

  private _path(path: string): string {
    return path === '' ? `projects/${this.key}` : `projects/${this.key}/${path}`;
  }
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
