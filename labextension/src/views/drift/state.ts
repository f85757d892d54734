import type { IHostState } from '../host';
import type { WireNumber } from '../number';

export type { IAnswer, IMe } from '../host';
export type { WireNumber } from '../number';

/** One per chunk; null where there is nothing to say. */
export type Series = readonly (WireNumber | null)[];

/** Counts: base64 of deflated little-endian uint32, in C order of `shape`. */
export interface IPacked {
  shape: readonly number[];
  dtype: 'u4';
  codec: 'deflate';
  data: string;
}

export type ChunkState = 'complete' | 'partial' | 'small' | 'quality_only';

export interface IChunk {
  /** `2013-04-01`: what Python, the wire and links call it. */
  key: string;
  /** `1 to 7 April`. */
  label: string;
  from: string | null;
  until: string | null;
  rows: number;
  state: ChunkState;
  /** The model version that answered most of its rows. */
  version: string | null;
}

/** What a column's cells are told in: D, total variation, or a classifier's AUC. */
export type ColumnMeasure = 'ks' | 'tvd' | 'auc';

/** Where the column's counts begin and end; as many as the evaluation's size allows, at most 64. */
export type IBins =
  | { kind: 'number'; edges: readonly WireNumber[] }
  | { kind: 'category'; values: readonly string[]; other: boolean; new: boolean };

export interface IColumn {
  name: string;
  kind: string;
  /** Whether somebody said so; else it was inferred. */
  declared: boolean;
  role: 'feature' | 'score' | 'prediction' | 'target';
  unit: string | null;
  importance: WireNumber | null;
  /** Drift × importance: what the ranking is by. */
  impact: WireNumber | null;
  measure: ColumnMeasure;
  warn: number;
  alert: number;
  /** Above this a chunk differs more than the reference's chunks do among themselves. */
  natural: WireNumber | null;
  /** Too few chunks of the reference to know the natural range well. */
  provisional: boolean;
  /** A letter per chunk: `o`k, `w`arn, `a`lert, `s`mall, `h`atched, `q`uality, `-` no data. */
  states: string;
  effect: Series;
  /** In standard deviations of the reference. */
  wasserstein: Series;
  psi: Series;
  missing: Series;
  p_value: Series;
  /** In the column's unit. */
  median: Series;
  /** `natural` chunk by chunk, where the reference changes with the model version. */
  naturals?: Series;
  /** The share of rows outside of what the model was trained on. */
  outside: {
    low: WireNumber | null;
    high: WireNumber | null;
    natural: WireNumber | null;
    share: Series;
    /** The same by chunk, where versions of the model have references of their own. */
    lows?: Series;
    highs?: Series;
    naturals?: Series;
  } | null;
  reference: {
    n: number;
    missing: WireNumber | null;
    mean: WireNumber | null;
    median: WireNumber | null;
    std: WireNumber | null;
    low: WireNumber | null;
    high: WireNumber | null;
  };
  bins: IBins;
  /** One row of counts, or one per model version that answered. */
  reference_counts: readonly number[] | Readonly<Record<string, readonly number[]>>;
  /** Null: left out of a saved notebook, to keep that small. */
  counts: IPacked | null;
}

export interface IQuality {
  /** Null: of the whole evaluation. */
  chunk: string | null;
  column: string | null;
  check: string;
  state: 'warn' | 'alert';
  sentence: string;
  value: WireNumber | null;
  usual: WireNumber | null;
}

/** Where a metric lies without anything having happened. */
export interface INatural {
  low: WireNumber | null;
  high: WireNumber | null;
  median: WireNumber | null;
}

export interface IMetric {
  label: string;
  goal: 'min' | 'max' | null;
  unit: string | null;
  realised: Series;
  low: Series;
  high: Series;
  estimated: Series;
  estimated_low: Series;
  estimated_high: Series;
  natural: INatural | null;
  /** `natural` chunk by chunk, where the reference changes with the model version. */
  naturals?: readonly (INatural | null)[];
  states: string;
}

/** A value with its interval. */
export type Interval = readonly [WireNumber | null, WireNumber | null, WireNumber | null];

export interface ISegmentRow {
  by: readonly string[];
  value: readonly string[];
  /** Null: over all chunks. */
  chunk: string | null;
  n: number;
  metric: string;
  value_of: WireNumber | null;
  low: WireNumber | null;
  high: WireNumber | null;
  share_of_gap: WireNumber | null;
}

export interface IFairnessRow {
  by: string;
  group: string;
  n: number;
  selection_rate: Interval | null;
  tpr: Interval | null;
  fpr: Interval | null;
  precision: Interval | null;
}

export interface ICalibrationBin {
  score: number;
  share: WireNumber | null;
  n: number;
  low: WireNumber | null;
  high: WireNumber | null;
}

export interface IPerformance {
  target: string | null;
  score: string | null;
  positive: unknown;
  kind: 'binary' | 'multiclass' | 'regression';
  metrics: Readonly<Record<string, IMetric>>;
  /** The share of rows whose outcome is known. */
  maturity: Series;
  mature: readonly boolean[];
  calibration: { reference: readonly ICalibrationBin[]; chunks: IPacked | null } | null;
  segments: readonly ISegmentRow[];
  fairness: readonly IFairnessRow[];
  /** Chunks × score bins × labels (0, 1, none). */
  counts: IPacked | null;
  reference_counts: IPacked | null;
  notes: readonly string[];
}

export type Severity = 'alert' | 'warn' | 'info';

export interface ISection {
  title: string;
  lines: readonly string[];
}

/** An incident: the alarms of one cause. */
export interface IIncident {
  key: string;
  kind: 'quality' | 'drift' | 'domain' | 'performance' | 'concept' | 'fairness' | 'prediction';
  severity: Severity;
  columns: readonly string[];
  segment: string | null;
  first: string;
  last: string;
  open: boolean;
  sentence: string;
  impact: WireNumber | null;
  sections: readonly ISection[];
  /** The alert that it opened, where a monitor watches. */
  id: string | null;
  status: AlertStatus | null;
}

export type AlertStatus = 'open' | 'acknowledged' | 'muted' | 'resolved';

/** What happened to the model meanwhile. */
export interface IDriftEvent {
  at: string | null;
  chunk: string | null;
  kind: 'promotion' | 'retraining' | 'refused';
  label: string;
  sentence: string;
  node: string | null;
}

export interface IEvaluation {
  format: 1;
  id: string | null;
  monitor: string | null;
  title: string;
  at: string | null;
  reference: {
    kind: 'fixed' | 'rolling' | 'training';
    told: string;
    rows: number;
    from: string | null;
    until: string | null;
    chunks: number;
  };
  current: { told: string; rows: number; from: string | null; until: string | null };
  chunking: { by: string; time: string | null; timezone: string; told: string };
  policy: Readonly<Record<string, unknown>>;
  notes: readonly string[];
  summary: { state: 'ok' | 'warn' | 'alert' | 'quality' | 'small'; sentence: string };
  chunks: readonly IChunk[];
  columns: readonly IColumn[];
  quality: readonly IQuality[];
  performance: IPerformance | null;
  alerts: readonly IIncident[];
  events: readonly IDriftEvent[];
  /** The segments that were counted apart; absent where none were. */
  segments?: { by: string; values: readonly string[] } | null;
}

/** An alert as a monitor keeps it. */
export interface IAlertRow {
  id: string;
  monitor: string;
  key: string;
  kind: string;
  severity: Severity;
  columns: readonly string[];
  chunk: string | null;
  label: string;
  sentence: string;
  impact: WireNumber | null;
  status: AlertStatus;
  opened_at: string | null;
  updated_at: string | null;
  muted_until: string | null;
  by: string | null;
  comment: string | null;
  run_id: string | null;
}

/** A column over a range of chunks, computed from what is kept of the data. */
export interface IWindowColumn {
  name: string;
  effect: WireNumber | null;
  effect_low: WireNumber | null;
  effect_high: WireNumber | null;
  wasserstein: WireNumber | null;
  psi: WireNumber | null;
  p_value: WireNumber | null;
  missing: WireNumber | null;
  median: WireNumber | null;
  counts: readonly number[];
}

/** What the host answers the verb `window` with. */
export interface IWindow {
  from: string;
  until: string;
  segment: string | null;
  columns: readonly IWindowColumn[];
  performance: Readonly<Record<string, WireNumber | null>> | null;
  /** Whether the raw data had to be read. */
  scanned: boolean;
}

/** The monitor behind the evaluation, as its host knows it. */
export interface IMonitorInfo {
  name: string;
  /** `flight-delay@champion`. */
  model: string | null;
  schedule: string | null;
  next_at: string | null;
  /** The run that checks now. */
  running: string | null;
}

export type Measure = 'effect' | 'wasserstein' | 'psi';

/** What stands below the matrix. */
export type Part = 'features' | 'segments' | 'fairness' | 'calibration' | 'table';

/** What the person looks at; the host reads what it needs. */
export interface ISelection {
  /** Null: the one that comes first in the ranking. */
  column: string | null;
  /** Indexes into the chunks, both inside; null: all of them. */
  from: number | null;
  until: number | null;
  /** The key of the incident that is explained; null: the first. */
  alert: string | null;
  measure: Measure;
  segment: string | null;
  part: Part;
}

export type AlertVerb = 'acknowledge' | 'mute' | 'resolve' | 'reopen';

/** What the person asks of the host; the host answers with the same id. */
export type IRequest = { id: string } & (
  | { verb: 'hello' | 'refresh' | 'check' | 'report' }
  /** Answered with an `IWindow`; the keys of the first and last chunk. */
  | { verb: 'window'; from: string; until: string; segment: string | null; column: string | null }
  /** `alert` is the alert's id. `until`: `7d`, for `mute`. */
  | { verb: AlertVerb; alert: string; comment: string; until?: string }
  /** `run:<id>`, `model:flight-delay@2`, `dataset:flights@3`, `monitor:delay` (its file). */
  | { verb: 'open'; node: string }
  | { verb: 'insert'; text: string }
);

/** What the host and the person share about the drift of a monitor or of two sets of rows. */
export interface IDriftState extends IHostState<IRequest, ISelection> {
  /** Null: not read yet, or never made (then `monitor` says which one was asked for). */
  evaluation: IEvaluation | null;
  /** The alerts of the monitor, open ones first; null: nobody keeps any. */
  alerts: readonly IAlertRow[] | null;
  monitor: IMonitorInfo | null;
  /** The file of the monitor, or of one that would look the same; null: nobody wrote it. */
  yaml: string | null;
  /** Why the last reading failed; what was read before stays. */
  error: string | null;
  /** When what is shown was read, in ms since the epoch. */
  updated_ms: number | null;
  /** Whether the host can make a report. */
  reports: boolean;
  /** Whether reading is over: without an evaluation there is none yet. */
  loaded: boolean;
  /** Where it stands: it fills a panel, or is a part of a notebook's page. */
  place: 'panel' | 'notebook';
}

export const NO_SELECTION: ISelection = {
  column: null,
  from: null,
  until: null,
  alert: null,
  measure: 'effect',
  segment: null,
  part: 'features'
};

export const NO_DRIFT: IDriftState = {
  evaluation: null,
  alerts: null,
  monitor: null,
  yaml: null,
  me: null,
  error: null,
  updated_ms: null,
  opens: [],
  inserts: false,
  reports: false,
  loaded: false,
  place: 'notebook',
  selection: NO_SELECTION,
  request: null,
  answer: null
};
