/** The wire of monitoring: monitors, what they found, and the alerts that follow from it. */
import * as v from 'valibot';
import type { ProjectClient } from './client';
import type { IRequestInit } from './request';
import { requestJSON } from './request';
import { maybe, Num, Started, Time } from './types';

// --- monitors -----------------------------------------------------------------------------------

export const MonitorState = v.picklist([
  'ok',
  'warn',
  'alert',
  'quality',
  'small',
  'never',
  'invalid'
]);
export type MonitorStateName = v.InferOutput<typeof MonitorState>;

const Fault = v.object({ line: maybe(v.number()), column: maybe(v.number()), message: v.string() });
export type IFault = v.InferOutput<typeof Fault>;

const monitor = {
  name: v.string(),
  /** Its file, inside the project. */
  path: v.string(),
  state: MonitorState,
  /** The most telling thing about it. */
  sentence: v.string(),
  /** What it looks at: `dataset:predictions`; null where the file cannot be read. */
  current: maybe(v.string()),
  model: maybe(v.string()),
  by: maybe(v.string()),
  schedule: maybe(v.string()),
  next_at: maybe(Time),
  /** The run that looks now. */
  running: maybe(v.string()),
  last: maybe(
    v.object({
      run_id: v.string(),
      at: maybe(Time),
      chunks: v.number(),
      rows: v.number()
    })
  ),
  open_alerts: v.number(),
  faults: v.array(Fault)
};
export const MonitorRow = v.object(monitor);
export type IMonitorRow = v.InferOutput<typeof MonitorRow>;

export const Monitors = v.object({ monitors: v.array(MonitorRow) });
export type IMonitors = v.InferOutput<typeof Monitors>;

/** What was sent to one of its channels, and what came of it. */
const Delivery = v.object({
  channel: v.string(),
  on: v.string(),
  alert: maybe(v.string()),
  run_id: maybe(v.string()),
  at: maybe(Time),
  ok: v.boolean(),
  tries: v.optional(v.number(), 1),
  sentence: v.optional(v.string(), '')
});
export type IDelivery = v.InferOutput<typeof Delivery>;

export const MonitorPage = v.object({
  ...monitor,
  yaml: v.optional(v.string(), ''),
  /** Newest first. */
  evaluations: v.array(
    v.object({
      run_id: v.string(),
      at: maybe(Time),
      state: v.string(),
      alerts: v.number(),
      until: maybe(Time)
    })
  ),
  /** Newest first. */
  deliveries: v.optional(v.array(Delivery), [])
});
export type IMonitorPage = v.InferOutput<typeof MonitorPage>;
export type IPastCheck = IMonitorPage['evaluations'][number];

// --- alerts -------------------------------------------------------------------------------------

export const AlertStatus = v.picklist(['open', 'acknowledged', 'muted', 'resolved']);
const Severity = v.picklist(['alert', 'warn', 'info']);
const Sections = v.array(v.object({ title: v.string(), lines: v.array(v.string()) }));

const alert = {
  id: v.string(),
  monitor: v.string(),
  /** What fired: the same cause has the same key. */
  key: v.string(),
  kind: v.string(),
  severity: Severity,
  columns: v.array(v.string()),
  chunk: maybe(v.string()),
  /** The chunk in words: `22 to 28 April`. */
  label: v.string(),
  sentence: v.string(),
  impact: maybe(Num),
  status: AlertStatus,
  opened_at: maybe(Time),
  updated_at: maybe(Time),
  muted_until: maybe(Time),
  by: maybe(v.string()),
  comment: maybe(v.string()),
  run_id: maybe(v.string())
};
export const AlertRow = v.object(alert);
export type IAlertRow = v.InferOutput<typeof AlertRow>;

export const Alerts = v.object({ alerts: v.array(AlertRow), open: v.number() });
export type IAlerts = v.InferOutput<typeof Alerts>;

export const AlertPage = v.object({
  ...alert,
  sections: Sections,
  similar: v.array(v.object({ id: v.string(), label: v.string(), sentence: v.string() })),
  history: v.array(
    v.object({
      at: maybe(Time),
      by: maybe(v.string()),
      what: v.string(),
      comment: v.optional(v.string(), '')
    })
  )
});
export type IAlertPage = v.InferOutput<typeof AlertPage>;

/** What a person can decide about an alert. */
export type AlertVerb = 'acknowledge' | 'mute' | 'resolve' | 'reopen';

// --- an evaluation: what a check found ------------------------------------------------------------

const NOT_FINITE = ['NaN', 'Infinity', '-Infinity'];

/** A number of an evaluation, as JSON has it: its views know the three words. */
const WireNumber = v.union([v.number(), v.picklist(['NaN', 'Infinity', '-Infinity'])]);
type WireNumberOut = v.InferOutput<typeof WireNumber>;
const maybeNumber = maybe(WireNumber);

/**
 * One number per chunk. Looked at in one loop: an evaluation has hundreds of thousands of them, and
 * a schema per number would take longer than the network did.
 */
const Series = v.custom<(WireNumberOut | null)[]>(
  value =>
    Array.isArray(value) &&
    value.every(one => one === null || typeof one === 'number' || NOT_FINITE.includes(one)),
  'a list of numbers is expected'
);
const Counts = v.custom<number[]>(
  value => Array.isArray(value) && value.every(one => typeof one === 'number'),
  'a list of counts is expected'
);

const Packed = v.object({
  shape: v.array(v.number()),
  dtype: v.literal('u4'),
  codec: v.literal('deflate'),
  data: v.string()
});

const Bins = v.variant('kind', [
  v.object({ kind: v.literal('number'), edges: v.array(WireNumber) }),
  v.object({
    kind: v.literal('category'),
    values: v.array(v.string()),
    other: v.boolean(),
    new: v.boolean()
  })
]);

const Column = v.object({
  name: v.string(),
  kind: v.string(),
  declared: v.boolean(),
  role: v.picklist(['feature', 'score', 'prediction', 'target']),
  unit: maybe(v.string()),
  importance: maybeNumber,
  impact: maybeNumber,
  measure: v.picklist(['ks', 'tvd', 'auc']),
  warn: v.number(),
  alert: v.number(),
  natural: maybeNumber,
  /** `natural` chunk by chunk, where the reference changes with the version of the model. */
  naturals: v.optional(Series, []),
  provisional: v.boolean(),
  states: v.string(),
  effect: Series,
  /** The certificate of the effect: it lies between these. */
  effect_low: v.optional(Series, []),
  effect_high: v.optional(Series, []),
  wasserstein: Series,
  psi: Series,
  missing: Series,
  p_value: Series,
  median: Series,
  outside: maybe(
    v.object({
      low: maybeNumber,
      high: maybeNumber,
      natural: maybeNumber,
      share: Series,
      states: v.optional(v.string(), ''),
      alone: v.optional(v.boolean(), false),
      /** The same by chunk, where versions of the model have references of their own. */
      lows: v.optional(Series, []),
      highs: v.optional(Series, []),
      naturals: v.optional(Series, [])
    })
  ),
  reference: v.object({
    n: v.number(),
    missing: maybeNumber,
    mean: maybeNumber,
    median: maybeNumber,
    std: maybeNumber,
    low: maybeNumber,
    high: maybeNumber
  }),
  bins: Bins,
  /** One row of counts, or one per version of the model that answered. */
  reference_counts: v.union([Counts, v.record(v.string(), Counts)]),
  /** Null where a saved notebook had no room for them. */
  counts: maybe(Packed),
  /** What else was measured, by its name. */
  statistics: v.optional(v.record(v.string(), Series), {})
});

const Natural = maybe(v.object({ low: maybeNumber, high: maybeNumber, median: maybeNumber }));

const Metric = v.object({
  label: v.string(),
  goal: maybe(v.picklist(['min', 'max'])),
  unit: maybe(v.string()),
  realised: Series,
  low: Series,
  high: Series,
  estimated: Series,
  estimated_low: Series,
  estimated_high: Series,
  natural: Natural,
  naturals: v.optional(v.array(Natural), []),
  states: v.string()
});

const Interval = maybe(v.tuple([maybeNumber, maybeNumber, maybeNumber]));

const Performance = v.object({
  target: maybe(v.string()),
  score: maybe(v.string()),
  positive: v.optional(v.unknown(), null),
  kind: v.picklist(['binary', 'multiclass', 'regression']),
  metrics: v.record(v.string(), Metric),
  maturity: Series,
  mature: v.array(v.boolean()),
  calibration: maybe(
    v.object({
      reference: v.array(
        v.object({
          score: v.number(),
          share: maybeNumber,
          n: v.number(),
          low: maybeNumber,
          high: maybeNumber
        })
      ),
      chunks: maybe(Packed)
    })
  ),
  segments: v.array(
    v.object({
      by: v.array(v.string()),
      value: v.array(v.string()),
      chunk: maybe(v.string()),
      n: v.number(),
      metric: v.string(),
      value_of: maybeNumber,
      low: maybeNumber,
      high: maybeNumber,
      share_of_gap: maybeNumber
    })
  ),
  fairness: v.array(
    v.object({
      by: v.string(),
      group: v.string(),
      n: v.number(),
      selection_rate: Interval,
      tpr: Interval,
      fpr: Interval,
      precision: Interval
    })
  ),
  counts: maybe(Packed),
  reference_counts: maybe(Packed),
  /** Where the bins of the score begin and end. */
  score_edges: v.optional(v.array(v.number()), []),
  notes: v.optional(v.array(v.string()), [])
});

/** What every host of the drift view is given; version 1. */
export const Evaluation = v.object({
  format: v.literal(1),
  id: maybe(v.string()),
  monitor: maybe(v.string()),
  title: v.string(),
  at: maybe(Time),
  reference: v.object({
    kind: v.picklist(['fixed', 'rolling', 'training']),
    told: v.string(),
    rows: v.number(),
    from: maybe(Time),
    until: maybe(Time),
    chunks: v.number()
  }),
  current: v.object({
    told: v.string(),
    rows: v.number(),
    from: maybe(Time),
    until: maybe(Time)
  }),
  chunking: v.object({
    by: v.string(),
    time: maybe(v.string()),
    timezone: v.string(),
    told: v.string()
  }),
  policy: v.record(v.string(), v.unknown()),
  notes: v.array(v.string()),
  summary: v.object({
    state: v.picklist(['ok', 'warn', 'alert', 'quality', 'small']),
    sentence: v.string()
  }),
  chunks: v.array(
    v.object({
      key: v.string(),
      label: v.string(),
      from: maybe(Time),
      until: maybe(Time),
      rows: v.number(),
      state: v.picklist(['complete', 'partial', 'small', 'quality_only']),
      version: maybe(v.string())
    })
  ),
  columns: v.array(Column),
  quality: v.array(
    v.object({
      chunk: maybe(v.string()),
      column: maybe(v.string()),
      check: v.string(),
      state: v.picklist(['warn', 'alert']),
      sentence: v.string(),
      value: maybeNumber,
      usual: maybeNumber
    })
  ),
  performance: maybe(Performance),
  alerts: v.array(
    v.object({
      key: v.string(),
      kind: v.picklist([
        'quality',
        'drift',
        'domain',
        'performance',
        'concept',
        'fairness',
        'prediction'
      ]),
      severity: Severity,
      columns: v.array(v.string()),
      segment: maybe(v.string()),
      first: v.string(),
      last: v.string(),
      open: v.boolean(),
      sentence: v.string(),
      impact: maybeNumber,
      sections: Sections,
      id: maybe(v.string()),
      status: maybe(AlertStatus)
    })
  ),
  events: v.array(
    v.object({
      at: maybe(Time),
      chunk: maybe(v.string()),
      kind: v.picklist(['promotion', 'retraining', 'refused']),
      label: v.string(),
      sentence: v.string(),
      node: maybe(v.string())
    })
  ),
  /** The segments that were counted apart. */
  segments: maybe(v.object({ by: v.string(), values: v.array(v.string()) }))
});
export type IEvaluation = v.InferOutput<typeof Evaluation>;

/** Columns and performance over a range of chunks, from what is kept of the data. */
export const EvaluationWindow = v.object({
  from: v.string(),
  until: v.string(),
  segment: maybe(v.string()),
  columns: v.array(
    v.object({
      name: v.string(),
      effect: maybeNumber,
      effect_low: maybeNumber,
      effect_high: maybeNumber,
      wasserstein: maybeNumber,
      psi: maybeNumber,
      p_value: maybeNumber,
      missing: maybeNumber,
      median: maybeNumber,
      counts: Counts
    })
  ),
  performance: maybe(v.record(v.string(), v.nullable(WireNumber))),
  scanned: v.boolean()
});
export type IEvaluationWindow = v.InferOutput<typeof EvaluationWindow>;

/** Which chunks a window is of: the keys of the first and the last one. */
export interface IWindowQuery {
  from: string;
  until: string;
  segment: string | null;
  column: string | null;
}

/** The routes of monitoring, below one project. */
export class MonitoringClient {
  constructor(private _client: ProjectClient) {}

  monitors(): Promise<IMonitors> {
    return this._json(Monitors, 'monitors');
  }

  monitor(name: string): Promise<IMonitorPage> {
    return this._json(MonitorPage, at(name));
  }

  /** What a check found; without a run, the newest one. */
  evaluation(name: string, run: string | null = null): Promise<IEvaluation> {
    return this._json(Evaluation, `${at(name)}/evaluation`, { query: { run } });
  }

  /** Look now, as detached work; answers before it has. */
  async check(name: string): Promise<string> {
    return (await this._json(Started, `${at(name)}/check`, { method: 'POST' })).run_id;
  }

  window(name: string, body: IWindowQuery): Promise<IEvaluationWindow> {
    return this._json(EvaluationWindow, `${at(name)}/window`, { method: 'POST', body });
  }

  alerts(
    query: { status?: 'open' | 'all'; monitor?: string; limit?: number } = {}
  ): Promise<IAlerts> {
    return this._json(Alerts, 'alerts', { query });
  }

  alert(id: string): Promise<IAlertPage> {
    return this._json(AlertPage, `alerts/${encodeURIComponent(id)}`);
  }

  /** Decide about an alert; `until` (`7d`) is asked of muting only. */
  decide(
    verb: AlertVerb,
    id: string,
    body: { comment: string; until?: string }
  ): Promise<IAlertRow> {
    const path = `alerts/${encodeURIComponent(id)}/${verb}`;
    return this._json(AlertRow, path, { method: 'POST', body });
  }

  private _json<S extends v.GenericSchema>(
    schema: S,
    path: string,
    init?: IRequestInit
  ): Promise<v.InferOutput<S>> {
    return requestJSON(schema, `projects/${this._client.key}/${path}`, this._client.settings, init);
  }
}

function at(name: string): string {
  return `monitors/${encodeURIComponent(name)}`;
}
