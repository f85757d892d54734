/** The wire of the registry: models, their versions, who may use them and what was decided. */
import * as v from 'valibot';
import type { ProjectClient } from './client';
import type { IRequestInit } from './request';
import { request, requestJSON } from './request';
import type { ILoggedModel } from './types';
import { LoggedModel, maybe, Num, Outcome, Tags, Time } from './types';

export type { ILoggedModel };

const Direction = v.picklist(['min', 'max']);
const RunRef = v.object({ id: v.string(), name: v.string() });
const AliasRef = v.object({ alias: v.string(), version: v.number() });
const Metrics = v.record(v.string(), Num);

// --- who ----------------------------------------------------------------------------------------

export const Me = v.object({
  id: v.string(),
  role: v.string(),
  /** The permissions, for example `models:approve`. */
  may: v.array(v.string())
});
export type IMe = v.InferOutput<typeof Me>;

export const Audit = v.object({
  state: v.picklist(['intact', 'broken']),
  entries: v.number(),
  /** The first line that is wrong. */
  line: maybe(v.number()),
  message: v.optional(v.string(), '')
});

export const Decisions = v.object({
  decisions: v.array(
    v.object({
      n: v.number(),
      at: maybe(Time),
      by: v.string(),
      kind: v.string(),
      sentence: v.string(),
      ref: maybe(v.object({ kind: v.string(), id: v.string() }))
    })
  ),
  total: v.number(),
  audit: Audit
});
export type IDecisions = v.InferOutput<typeof Decisions>;

// --- models -------------------------------------------------------------------------------------

export const ModelRow = v.object({
  name: v.string(),
  description: v.optional(v.string(), ''),
  tags: v.optional(Tags, {}),
  versions: v.number(),
  latest: maybe(v.number()),
  aliases: v.array(AliasRef),
  /** How many requests wait. */
  waiting: v.number(),
  updated_at: maybe(Time)
});
export type IModelRow = v.InferOutput<typeof ModelRow>;

const approval = { by: v.string(), role: v.string(), at: maybe(Time), comment: v.string() };

export const ApprovalRequest = v.object({
  model: v.string(),
  version: v.number(),
  alias: v.string(),
  digest: v.string(),
  requested_by: v.string(),
  requested_at: maybe(Time),
  comment: v.string(),
  run: maybe(RunRef),
  approvals: v.array(v.object(approval)),
  needs: v.number(),
  may_approve: v.boolean(),
  why_not: maybe(v.string())
});
export type IApprovalRequest = v.InferOutput<typeof ApprovalRequest>;

export const Models = v.object({ models: v.array(ModelRow), queue: v.array(ApprovalRequest) });
export type IModels = v.InferOutput<typeof Models>;

const version = {
  version: v.number(),
  /** What an approval and a promotion speak of. */
  digest: v.string(),
  aliases: v.array(v.string()),
  created_at: maybe(Time),
  author: maybe(v.string()),
  flavor: v.string(),
  /** Loading it can run any code. */
  unsafe: v.boolean(),
  size_bytes: v.number(),
  run: maybe(RunRef),
  judgement: maybe(
    v.object({
      run: maybe(RunRef),
      outcome: Outcome,
      passed: v.number(),
      total: v.number(),
      /** Why it was rejected, or what it waits for. */
      sentences: v.array(v.string()),
      at: maybe(Time)
    })
  ),
  metrics: Metrics,
  /** The champion of that day, judged on the same rows. */
  champion: maybe(v.object({ version: v.number(), metrics: Metrics })),
  /** The aliases that approval was asked for. */
  waiting: v.array(v.string()),
  note: v.optional(v.string(), ''),
  tags: v.optional(Tags, {})
};
export const VersionRow = v.object(version);
export type IVersionRow = v.InferOutput<typeof VersionRow>;

export const ModelPage = v.object({
  model: ModelRow,
  /** Newest first. */
  versions: v.array(VersionRow),
  goals: v.record(v.string(), Direction),
  policies: v.array(
    v.object({ alias: v.string(), sentences: v.array(v.string()), back: maybe(v.number()) })
  ),
  /** Newest first. */
  history: v.array(
    v.object({
      alias: v.string(),
      version: v.number(),
      since: Time,
      until: maybe(Time),
      by: maybe(v.string()),
      how: v.string(),
      reason: v.string()
    })
  )
});
export type IModelPage = v.InferOutput<typeof ModelPage>;

const Field = v.object({
  name: v.string(),
  type: v.string(),
  optional: v.optional(v.boolean(), false)
});

export const VersionDetail = v.object({
  ...version,
  name: v.string(),
  params: v.record(v.string(), v.unknown()),
  signature: maybe(v.object({ inputs: v.array(Field), outputs: v.array(Field) })),
  example: maybe(v.object({ columns: v.array(v.string()), rows: v.array(v.array(v.unknown())) })),
  inputs: v.array(v.object({ dataset: v.string(), version: v.number() })),
  code: v.object({
    notebook: maybe(v.string()),
    git_commit: maybe(v.string()),
    git_dirty: maybe(v.boolean())
  }),
  environment: v.object({ python: maybe(v.string()), packages: v.number() }),
  latency_ms: maybe(v.object({ p50: v.number(), p95: v.number() })),
  files: v.array(v.object({ path: v.string(), size_bytes: v.number() })),
  /** The Python types inside. */
  types: v.array(v.string()),
  gates: v.array(
    v.object({
      kind: v.string(),
      state: v.string(),
      sentence: v.string(),
      expression: v.optional(v.string(), '')
    })
  ),
  /** What could become of it, alias by alias. */
  promotions: v.array(
    v.object({
      alias: v.string(),
      from: maybe(v.number()),
      state: v.picklist(['ready', 'waiting', 'refused', 'current']),
      lines: v.array(v.object({ state: v.string(), sentence: v.string() })),
      may_promote: v.boolean(),
      may_approve: v.boolean(),
      may_request: v.boolean(),
      why_not: maybe(v.string())
    })
  ),
  approvals: v.array(v.object({ ...approval, alias: v.optional(v.string(), '') })),
  verified: maybe(v.object({ state: v.string(), message: v.string() })),
  /** The line that loads it. */
  python: v.string()
});
export type IVersionDetail = v.InferOutput<typeof VersionDetail>;

export const Card = v.object({
  markdown: v.string(),
  /** The parts that only a person can write. */
  sections: v.record(v.string(), v.string())
});
export type ICard = v.InferOutput<typeof Card>;

/** What a decision led to. */
export const Decided = v.object({
  promoted: v.optional(v.boolean(), false),
  sentence: v.optional(v.string(), '')
});
export type IDecided = v.InferOutput<typeof Decided>;

// --- runs and files -------------------------------------------------------------------------------

/** Of a run's details: the models that it logged. */
export const RunModels = v.object({ models: v.optional(v.array(LoggedModel), []) });

/** The routes of the registry, below one project. */
export class RegistryClient {
  constructor(private _client: ProjectClient) {}

  get key(): string {
    return this._client.key;
  }

  me(): Promise<IMe> {
    return this._json(Me, 'me');
  }

  /** The newest decisions, or those before the entry `before`. */
  decisions(limit = 50, before?: number): Promise<IDecisions> {
    return this._json(Decisions, 'decisions', { query: { limit, before } });
  }

  models(): Promise<IModels> {
    return this._json(Models, 'models');
  }

  model(name: string): Promise<IModelPage> {
    return this._json(ModelPage, `models/${encodeURIComponent(name)}`);
  }

  version(name: string, n: number): Promise<IVersionDetail> {
    return this._json(VersionDetail, at(name, n));
  }

  card(name: string, n: number): Promise<ICard> {
    return this._json(Card, `${at(name, n)}/card`);
  }

  async editCard(name: string, sections: Record<string, string>): Promise<void> {
    const path = `models/${encodeURIComponent(name)}/card`;
    await this._send(path, { method: 'PUT', body: { sections } });
  }

  async editVersion(name: string, n: number, change: { note?: string }): Promise<void> {
    await this._send(at(name, n), { method: 'PATCH', body: change });
  }

  /** Ask for, give or refuse an approval. It speaks of the content: void when that changes. */
  decide(
    how: 'request' | 'approve' | 'reject',
    name: string,
    n: number,
    body: { alias: string; digest: string; comment: string }
  ): Promise<IDecided> {
    return this._json(Decided, `${at(name, n)}/${how}`, { method: 'POST', body });
  }

  promote(
    name: string,
    alias: string,
    body: { version: number; digest: string; reason: string }
  ): Promise<IDecided> {
    const path = `models/${encodeURIComponent(name)}/aliases/${encodeURIComponent(alias)}`;
    return this._json(Decided, path, { method: 'PUT', body });
  }

  rollback(
    name: string,
    alias: string,
    body: { version: number; reason: string }
  ): Promise<IDecided> {
    const path = `models/${encodeURIComponent(name)}/aliases/${encodeURIComponent(alias)}/rollback`;
    return this._json(Decided, path, { method: 'POST', body });
  }

  /** The models that a run has logged. */
  async logged(run: string): Promise<ILoggedModel[]> {
    return (await this._json(RunModels, `runs/${run}`)).models;
  }

  /** Make a version of a model that a run has logged. */
  register(run: string, body: { name: string; logged_model?: string }): Promise<IVersionRow> {
    return this._json(VersionRow, `runs/${run}/register`, { method: 'POST', body });
  }

  private _send(path: string, init?: IRequestInit): Promise<Response> {
    return request(`projects/${this.key}/${path}`, this._client.settings, init);
  }

  private _json<S extends v.GenericSchema>(
    schema: S,
    path: string,
    init?: IRequestInit
  ): Promise<v.InferOutput<S>> {
    return requestJSON(schema, `projects/${this.key}/${path}`, this._client.settings, init);
  }
}

function at(name: string, n: number): string {
  return `models/${encodeURIComponent(name)}/versions/${n}`;
}
