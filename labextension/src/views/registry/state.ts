import type { IGraph } from '../graph/state';
import type { IHostState } from '../host';
import type { WireNumber } from '../number';

export type { IAnswer, IMe } from '../host';
export type { WireNumber } from '../number';

export type Direction = 'min' | 'max';

export interface IRunRef {
  id: string;
  name: string;
}

export interface IModelRow {
  name: string;
  description: string;
  tags: Readonly<Record<string, string>>;
  versions: number;
  latest: number | null;
  aliases: readonly { alias: string; version: number }[];
  /** How many requests wait. */
  waiting: number;
  updated_at: string | null;
}

export interface IApproval {
  by: string;
  role: string;
  at: string | null;
  comment: string;
}

/** A version that waits for approvals to get an alias. */
export interface IApprovalRequest {
  model: string;
  version: number;
  alias: string;
  digest: string;
  requested_by: string;
  requested_at: string | null;
  comment: string;
  run: IRunRef | null;
  approvals: readonly IApproval[];
  needs: number;
  may_approve: boolean;
  why_not: string | null;
}

export interface IModels {
  models: readonly IModelRow[];
  queue: readonly IApprovalRequest[];
}

export type Metrics = Readonly<Record<string, WireNumber>>;

export interface IJudgement {
  run: IRunRef | null;
  outcome: 'passed' | 'rejected' | 'waiting';
  passed: number;
  total: number;
  sentences: readonly string[];
  at: string | null;
}

export interface IVersionRow {
  version: number;
  digest: string;
  aliases: readonly string[];
  created_at: string | null;
  author: string | null;
  flavor: string;
  unsafe: boolean;
  size_bytes: number;
  run: IRunRef | null;
  judgement: IJudgement | null;
  metrics: Metrics;
  /** The champion of that day, judged on the same rows. */
  champion: { version: number; metrics: Metrics } | null;
  waiting: readonly string[];
  note: string;
  tags: Readonly<Record<string, string>>;
}

/** That an alias stood on a version, from when to when. */
export interface IAliasMove {
  alias: string;
  version: number;
  since: string;
  until: string | null;
  by: string | null;
  how: string;
  reason: string;
}

/** What an alias demands. */
export interface IPolicy {
  alias: string;
  sentences: readonly string[];
  /** The version that a rollback would give it to. */
  back: number | null;
}

export interface IModelPage {
  model: IModelRow;
  /** Newest first. */
  versions: readonly IVersionRow[];
  goals: Readonly<Record<string, Direction>>;
  policies: readonly IPolicy[];
  /** Newest first. */
  history: readonly IAliasMove[];
}

export interface IField {
  name: string;
  type: string;
  optional: boolean;
}

/** What could become of a version: the one alias, and what its policy says. */
export interface IPromotion {
  alias: string;
  from: number | null;
  state: 'ready' | 'waiting' | 'refused' | 'current';
  lines: readonly { state: string; sentence: string }[];
  may_promote: boolean;
  may_approve: boolean;
  may_request: boolean;
  why_not: string | null;
}

export interface IVersionDetail extends IVersionRow {
  name: string;
  params: Readonly<Record<string, unknown>>;
  signature: { inputs: readonly IField[]; outputs: readonly IField[] } | null;
  example: { columns: readonly string[]; rows: readonly (readonly unknown[])[] } | null;
  inputs: readonly { dataset: string; version: number }[];
  code: { notebook: string | null; git_commit: string | null; git_dirty: boolean | null };
  environment: { python: string | null; packages: number };
  latency_ms: { p50: number; p95: number } | null;
  files: readonly { path: string; size_bytes: number }[];
  types: readonly string[];
  gates: readonly { kind: string; state: string; sentence: string; expression: string }[];
  promotions: readonly IPromotion[];
  approvals: readonly (IApproval & { alias: string })[];
  verified: { state: string; message: string } | null;
  python: string;
}

export interface ICard {
  markdown: string;
  /** The parts that only a person can write. */
  sections: Readonly<Record<string, string>>;
}

export interface IDecision {
  n: number;
  at: string | null;
  by: string;
  kind: string;
  sentence: string;
  ref: { kind: string; id: string } | null;
}

export interface IDecisions {
  decisions: readonly IDecision[];
  total: number;
  audit: {
    state: 'intact' | 'broken';
    entries: number;
    line: number | null;
    message: string;
  };
}

export type Part = 'versions' | 'compare' | 'history' | 'card';

/** What the person looks at; the host reads what it needs. */
export interface ISelection {
  model: string | null;
  /** Null: the newest. */
  version: number | null;
  part: Part;
  /** The version that is compared with, in the part `compare`. */
  other: number | null;
  /** The decision that is being prepared: about the version, to become `alias`. */
  sheet: { verb: 'promote' | 'rollback'; alias: string } | null;
}

export type Decision = 'promote' | 'approve' | 'reject' | 'request' | 'rollback';

/** What the person asks of the host; the host answers with the same id. */
export type IRequest = { id: string } & (
  | { verb: 'hello' }
  | { verb: 'refresh' }
  | {
      verb: Decision;
      model: string;
      version: number;
      alias: string;
      /** The content that was looked at: the decision is void for any other. */
      digest: string;
      text: string;
    }
  | { verb: 'card'; model: string; sections: Record<string, string> }
  | { verb: 'note'; model: string; version: number; text: string }
  | { verb: 'open'; node: string }
  | { verb: 'report'; model: string; version: number }
  | { verb: 'insert'; text: string }
);

/** What the host and the person share about the registry. */
export interface IRegistryState extends IHostState<IRequest, ISelection> {
  models: IModels | null;
  /** What was read of each model, by its name. */
  pages: Readonly<Record<string, IModelPage>>;
  /** What was read of each version, by `name@version`; a saved notebook holds some. */
  details: Readonly<Record<string, IVersionDetail>>;
  lineages: Readonly<Record<string, IGraph>>;
  cards: Readonly<Record<string, ICard>>;
  decisions: IDecisions | null;
  /** Why the last reading failed; what was read before stays. */
  error: string | null;
  /** When what is shown was read, in ms since the epoch. */
  updated_ms: number | null;
  /** Where it stands: it fills a panel, and is a part of a notebook's page. */
  place: 'panel' | 'notebook';
}

export const NO_SELECTION: ISelection = {
  model: null,
  version: null,
  part: 'versions',
  other: null,
  sheet: null
};

export const NO_REGISTRY: IRegistryState = {
  models: null,
  pages: {},
  details: {},
  lineages: {},
  cards: {},
  decisions: null,
  me: null,
  error: null,
  updated_ms: null,
  opens: [],
  inserts: false,
  place: 'notebook',
  selection: NO_SELECTION,
  request: null,
  answer: null
};

/** `flight-delay@6`, as the wire and Python write it. */
export function refOf(name: string, version: number): string {
  return `${name}@${version}`;
}

/** The name and version of a reference; null for anything else. */
export function parseRef(ref: string): { name: string; version: number } | null {
  const [, name, version] = /^(.+)@(\d+)$/.exec(ref) ?? [];
  return name === undefined ? null : { name, version: Number(version) };
}
