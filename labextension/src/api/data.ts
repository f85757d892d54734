/** The wire of the data: datasets, their versions, what was found in them and how they differ. */
import * as v from 'valibot';
import type { ProjectClient } from './client';
import type { IRequestInit } from './request';
import { request, requestJSON } from './request';
import { maybe, Num, Started, Time } from './types';

const RunRef = v.object({ id: v.string(), name: v.string() });
/** What became of the checks: a blocked version gets no alias and is not the latest. */
export const DataState = v.picklist(['passed', 'warned', 'blocked']);
export type DataStateName = v.InferOutput<typeof DataState>;

// --- datasets and their versions ------------------------------------------------------------------

export const DatasetRow = v.object({
  name: v.string(),
  versions: v.number(),
  /** The newest version that nothing blocks. */
  latest: maybe(
    v.object({
      version: v.number(),
      rows: maybe(v.number()),
      size_bytes: v.number(),
      created_at: maybe(Time)
    })
  ),
  aliases: v.array(v.object({ alias: v.string(), version: v.number() })),
  /** Of the newest version, blocked or not. */
  state: maybe(DataState),
  updated_at: maybe(Time)
});
export type IDatasetRow = v.InferOutput<typeof DatasetRow>;

export const Datasets = v.object({ datasets: v.array(DatasetRow) });
export type IDatasets = v.InferOutput<typeof Datasets>;

const version = {
  version: v.number(),
  digest: v.string(),
  kind: v.string(),
  /** The file's or folder's own name. */
  file: v.optional(v.string(), ''),
  files: v.number(),
  size_bytes: v.number(),
  rows: maybe(v.number()),
  columns: maybe(v.number()),
  note: maybe(v.string()),
  author: maybe(v.string()),
  created_at: maybe(Time),
  run: maybe(RunRef),
  aliases: v.array(v.string()),
  is_latest: v.boolean(),
  state: maybe(DataState),
  checks: v.array(v.object({ suite: v.string(), state: DataState, failed: v.number() }))
};
export const DatasetVersionRow = v.object(version);
export type IDatasetVersionRow = v.InferOutput<typeof DatasetVersionRow>;

export const DatasetPage = v.object({
  dataset: DatasetRow,
  /** Newest first. */
  versions: v.array(DatasetVersionRow)
});
export type IDatasetPage = v.InferOutput<typeof DatasetPage>;

// --- what is in a version -------------------------------------------------------------------------

/** A value of a column: whole numbers beyond 2⁵³ come as their digits, times as ISO texts. */
const Value = v.union([v.number(), v.string(), v.boolean()]);
export type Value = v.InferOutput<typeof Value>;

export const ColumnProfile = v.object({
  name: v.string(),
  type: v.string(),
  kind: v.picklist(['number', 'category', 'text', 'time', 'boolean', 'other']),
  /** Values that are there. */
  count: v.number(),
  missing: v.number(),
  distinct: maybe(v.number()),
  /** Whether `distinct` is an estimate. */
  approximate: v.optional(v.boolean(), false),
  min: maybe(Value),
  max: maybe(Value),
  mean: maybe(Num),
  std: maybe(Num),
  /** `p1` to `p99`; empty where there is no order. */
  quantiles: v.record(v.string(), Value),
  /** The first and the last bin may be wider than the others. */
  histogram: maybe(v.object({ edges: v.array(Value), counts: v.array(v.number()) })),
  /** The most frequent values, with their counts. */
  top: v.array(v.tuple([Value, v.number()])),
  not_finite: v.number()
});
export type IColumnProfile = v.InferOutput<typeof ColumnProfile>;

export const Profile = v.object({ rows: v.number(), columns: v.array(ColumnProfile) });
export type IProfile = v.InferOutput<typeof Profile>;

/** A few rows as evidence. */
const Rows = v.object({
  columns: v.array(v.string()),
  rows: v.array(v.array(v.unknown()))
});
export type IRows = v.InferOutput<typeof Rows>;

export const CheckResult = v.object({
  index: v.number(),
  check: v.string(),
  column: maybe(v.string()),
  severity: v.picklist(['block', 'warn']),
  state: v.string(),
  failed: v.number(),
  total: v.number(),
  sentence: v.string(),
  sample: maybe(Rows)
});
export type ICheckResult = v.InferOutput<typeof CheckResult>;

export const SuiteReport = v.object({
  suite: v.string(),
  suite_digest: v.string(),
  state: DataState,
  rows: maybe(v.number()),
  checks: v.array(CheckResult)
});
export type ISuiteReport = v.InferOutput<typeof SuiteReport>;

export const DatasetVersion = v.object({
  ...version,
  name: v.string(),
  /** What it was committed from: a path, a statement, a frame. */
  source: v.optional(v.record(v.string(), v.unknown()), {}),
  profile: maybe(Profile),
  reports: v.array(SuiteReport),
  preview: maybe(
    v.object({
      columns: v.array(v.object({ name: v.string(), type: v.string() })),
      rows: v.array(v.array(v.unknown())),
      n_rows: v.number()
    })
  ),
  /** At most 200 of its files. */
  entries: v.array(v.object({ path: v.string(), size_bytes: v.number() })),
  /** The Python that loads it. */
  python: v.string()
});
export type IDatasetVersion = v.InferOutput<typeof DatasetVersion>;

// --- how two versions differ ----------------------------------------------------------------------

export const DatasetDiff = v.object({
  before: v.number(),
  after: v.number(),
  schema: v.object({
    added: v.array(v.string()),
    removed: v.array(v.string()),
    changed: v.array(v.object({ name: v.string(), before: v.string(), after: v.string() }))
  }),
  rows: v.object({ before: maybe(v.number()), after: maybe(v.number()) }),
  columns: v.array(
    v.object({
      name: v.string(),
      kind: v.string(),
      /** What changed, in sentences; none: nothing did. */
      changes: v.array(v.string()),
      before: maybe(ColumnProfile),
      after: maybe(ColumnProfile)
    })
  ),
  /** Row by row, where a key was given. */
  keyed: maybe(
    v.object({
      key: v.array(v.string()),
      added: v.number(),
      removed: v.number(),
      changed: v.number(),
      same: v.number(),
      /** How many rows changed in each column. */
      columns: v.record(v.string(), v.number()),
      examples: maybe(Rows)
    })
  )
});
export type IDatasetDiff = v.InferOutput<typeof DatasetDiff>;
export type IColumnDiff = IDatasetDiff['columns'][number];

// --- the routes -----------------------------------------------------------------------------------

/** What a person answers when asked how to commit. */
export interface ICommitRequest {
  /** Inside the project. */
  path: string;
  name: string;
  note?: string;
  alias?: string;
}

/** The routes below `projects/{key}/datasets`. */
export class DataClient {
  constructor(private _client: ProjectClient) {}

  datasets(): Promise<IDatasets> {
    return this._json(Datasets, '');
  }

  dataset(name: string): Promise<IDatasetPage> {
    return this._json(DatasetPage, `/${encodeURIComponent(name)}`);
  }

  version(name: string, number: number): Promise<IDatasetVersion> {
    return this._json(DatasetVersion, place(name, number));
  }

  /** How `number` differs from `against`; by rows, too, where a key is given. */
  diff(name: string, number: number, against: number, key: string): Promise<IDatasetDiff> {
    const query = { against, key: key === '' ? null : key };
    return this._json(DatasetDiff, `${place(name, number)}/diff`, { query });
  }

  /** Commit a file or folder as detached work; answers with its run. */
  async commit(body: ICommitRequest): Promise<string> {
    return (await this._json(Started, '/commit', { method: 'POST', body })).run_id;
  }

  async setAlias(name: string, alias: string, number: number): Promise<void> {
    await this._send(aliasOf(name, alias), { method: 'PUT', body: { version: number } });
  }

  async removeAlias(name: string, alias: string): Promise<void> {
    await this._send(aliasOf(name, alias), { method: 'DELETE' });
  }

  /** Delete a version; refused with the names of what needs it. */
  async delete(name: string, number: number): Promise<void> {
    await this._send(place(name, number), { method: 'DELETE' });
  }

  private _send(path: string, init?: IRequestInit): Promise<Response> {
    return request(this._path(path), this._client.settings, init);
  }

  private _json<S extends v.GenericSchema>(
    schema: S,
    path: string,
    init?: IRequestInit
  ): Promise<v.InferOutput<S>> {
    return requestJSON(schema, this._path(path), this._client.settings, init);
  }

  private _path(path: string): string {
    return `projects/${this._client.key}/datasets${path}`;
  }
}

function place(name: string, number: number): string {
  return `/${encodeURIComponent(name)}/versions/${number}`;
}

function aliasOf(name: string, alias: string): string {
  return `/${encodeURIComponent(name)}/aliases/${encodeURIComponent(alias)}`;
}
