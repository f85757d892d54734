/**
 * The wire: one valibot schema per response, and the type inferred from it.
 *
 * `tests/wire/NAME.json` holds one sample per response, checked here and by the server's tests.
 */
import * as v from 'valibot';

/** A number; what JSON cannot write comes as "NaN", "Infinity" or "-Infinity". */
export const Num = v.union([
  v.number(),
  v.pipe(
    v.picklist(['NaN', 'Infinity', '-Infinity']),
    v.transform((text): number => Number(text))
  )
]);

export const maybe = <S extends v.GenericSchema>(schema: S) => v.optional(v.nullable(schema), null);
/** An ISO 8601 time in UTC. */
export const Time = v.string();
const Direction = v.picklist(['min', 'max']);
export const Tags = v.record(v.string(), v.string());

export const Status = v.picklist(['scheduled', 'running', 'finished', 'failed', 'killed']);
export type RunStatus = v.InferOutput<typeof Status>;
export const Outcome = v.picklist(['passed', 'rejected', 'waiting']);
export type RunOutcome = v.InferOutput<typeof Outcome>;

// --- projects ---------------------------------------------------------------------------------

export const Project = v.object({
  key: v.string(),
  name: v.string(),
  /** Where it is for the contents manager; null outside the server's root. */
  path: maybe(v.string()),
  /** The absolute path, for people to read. */
  directory: v.string(),
  read_only: v.boolean(),
  runs: v.number(),
  running: v.number(),
  goals: v.optional(v.record(v.string(), Direction), {})
});
export type IProject = v.InferOutput<typeof Project>;

export const Projects = v.object({ projects: v.array(Project), current: maybe(Project) });
export type IProjects = v.InferOutput<typeof Projects>;

export const Example = v.object({ project: Project, run_id: v.string(), path: v.string() });
export type IExample = v.InferOutput<typeof Example>;

export const Experiments = v.object({
  experiments: v.array(
    v.object({ id: v.string(), name: v.string(), runs: v.number(), last_updated_at: maybe(Time) })
  )
});
export type IExperiments = v.InferOutput<typeof Experiments>;

// --- runs -------------------------------------------------------------------------------------

export const Goal = v.object({ key: v.string(), direction: Direction, guessed: v.boolean() });
export type IGoal = v.InferOutput<typeof Goal>;

/** A row's goal metric. */
export const RowMetric = v.object({
  key: v.string(),
  value: Num,
  best: maybe(Num),
  direction: Direction,
  guessed: v.optional(v.boolean(), false)
});
export type IRowMetric = v.InferOutput<typeof RowMetric>;

export const SparklineData = v.object({ key: v.string(), values: v.array(Num) });
export type ISparkline = v.InferOutput<typeof SparklineData>;

const row = {
  id: v.string(),
  name: v.string(),
  kind: v.string(),
  status: Status,
  outcome: maybe(Outcome),
  lifecycle: v.optional(v.string(), 'active'),
  experiment: maybe(v.object({ id: v.string(), name: v.string() })),
  parent: maybe(v.string()),
  author: maybe(v.string()),
  source: v.optional(v.object({ notebook: maybe(v.string()), pipeline: maybe(v.string()) }), {
    notebook: null,
    pipeline: null
  }),
  started_at: maybe(Time),
  ended_at: maybe(Time),
  duration_s: maybe(v.number()),
  starred: v.boolean(),
  step: maybe(v.number()),
  planned_steps: maybe(v.number()),
  cell: maybe(
    v.object({ id: maybe(v.string()), index: maybe(v.number()), total: maybe(v.number()) })
  ),
  subline: v.optional(v.string(), ''),
  reason: maybe(v.string()),
  metric: maybe(RowMetric),
  sparkline: maybe(SparklineData),
  children: v.optional(v.number(), 0),
  tags: v.optional(Tags, {})
};
export const RunRow = v.object(row);
export type IRunRow = v.InferOutput<typeof RunRow>;

export const Runs = v.object({
  runs: v.array(RunRow),
  next_cursor: maybe(v.string()),
  /** How many match. */
  total: v.number(),
  /** How many there are in the project. */
  all: v.number(),
  /** How old what is shown may be; the store is read even while it is busy. */
  age_s: v.optional(v.number(), 0),
  goal: maybe(Goal),
  /** Why nothing matches, where a name in the search is one that no run has. */
  hint: maybe(v.string())
});
export type IRuns = v.InferOutput<typeof Runs>;

export const Needs = v.object({
  items: v.array(
    v.object({
      kind: v.picklist(['killed', 'failed', 'waiting', 'approval', 'alert']),
      /** Null where a version waits that no run asked for. */
      run_id: maybe(v.string()),
      /** Of an approval: what waits, and to become what. */
      model: maybe(v.string()),
      version: maybe(v.number()),
      alias: maybe(v.string()),
      /** Of an alert: its id, who watches, and how grave it is. */
      alert: maybe(v.string()),
      monitor: maybe(v.string()),
      severity: maybe(v.picklist(['alert', 'warn', 'info'])),
      /** Of an alert: its monitor has no file any more, so that no check will end it. */
      removed: maybe(v.boolean()),
      title: v.string(),
      detail: v.string(),
      at: maybe(Time)
    })
  )
});
export type INeeds = v.InferOutput<typeof Needs>;
export type INeed = INeeds['items'][number];

/** A notebook's own runs: the card in the sidebar and the chip in its toolbar. */
export const NotebookRuns = v.object({
  path: v.string(),
  active: maybe(RunRow),
  last: maybe(RunRow),
  best: maybe(RunRow),
  runs: v.number(),
  metrics: v.array(
    v.object({
      key: v.string(),
      value: Num,
      direction: Direction,
      /** Against the best run of this notebook; null for the best itself or without one. */
      difference: maybe(Num),
      sparkline: v.optional(v.array(Num), [])
    })
  )
});
export type INotebookRuns = v.InferOutput<typeof NotebookRuns>;
export type INotebookMetric = INotebookRuns['metrics'][number];

/** A model that a run has logged. */
export const LoggedModel = v.object({
  id: v.string(),
  name: v.string(),
  flavor: v.string(),
  unsafe: v.boolean(),
  size_bytes: v.number(),
  registered: v.array(v.object({ model: v.string(), version: v.number() }))
});
export type ILoggedModel = v.InferOutput<typeof LoggedModel>;

export const GateState = v.string();
export const RunDetail = v.object({
  ...row,
  params: v.array(
    v.object({
      key: v.string(),
      value: v.unknown(),
      type: v.optional(v.string(), ''),
      changed: v.optional(v.boolean(), false)
    })
  ),
  metrics: v.array(
    v.object({
      key: v.string(),
      n: v.number(),
      last: maybe(Num),
      last_step: maybe(v.number()),
      min: maybe(Num),
      max: maybe(Num),
      best: maybe(Num),
      best_step: maybe(v.number()),
      direction: Direction,
      guessed: v.optional(v.boolean(), false),
      not_finite: v.optional(v.number(), 0)
    })
  ),
  notes: v.array(v.object({ text: v.string(), at: maybe(Time), author: maybe(v.string()) })),
  environment: maybe(v.record(v.string(), v.unknown())),
  gates: v.array(
    v.object({
      index: v.number(),
      kind: v.string(),
      expression: v.string(),
      state: GateState,
      sentence: v.string()
    })
  ),
  steps: v.array(
    v.object({
      run_id: v.string(),
      name: v.string(),
      notebook: maybe(v.string()),
      status: Status,
      started_at: maybe(Time),
      ended_at: maybe(Time),
      duration_s: maybe(v.number()),
      metric: maybe(RowMetric),
      error: v.optional(v.unknown(), null)
    })
  ),
  error: maybe(
    v.object({
      name: v.string(),
      message: v.string(),
      cell_index: maybe(v.number()),
      traceback: maybe(v.union([v.string(), v.array(v.string())]))
    })
  ),
  artifacts: v.number(),
  /** What it was given: versions of data and models, and what is kept elsewhere. */
  inputs: v.optional(
    v.array(
      v.object({
        kind: v.picklist(['dataset', 'model', 'external']),
        name: v.string(),
        version: maybe(v.number()),
        role: maybe(v.string())
      })
    ),
    []
  ),
  /** The models that it has logged. */
  models: v.optional(v.array(LoggedModel), []),
  cells: v.array(
    v.object({
      id: maybe(v.string()),
      index: maybe(v.number()),
      total: maybe(v.number()),
      state: v.string(),
      duration_s: maybe(v.number()),
      source: maybe(v.string())
    })
  ),
  has_log: v.boolean(),
  can_cancel: v.boolean()
});
export type IRunDetail = v.InferOutput<typeof RunDetail>;
export type IInput = IRunDetail['inputs'][number];
export type IParam = IRunDetail['params'][number];
export type IMetricSummary = IRunDetail['metrics'][number];
export type IGate = IRunDetail['gates'][number];
export type IStep = IRunDetail['steps'][number];
export type ICell = IRunDetail['cells'][number];

export const Deleted = v.object({ deleted: v.array(v.string()) });
export const Restored = v.object({ restored: v.array(v.string()) });

export const Series = v.object({
  key: v.string(),
  steps: v.array(Num),
  times_ms: v.array(v.number()),
  values: v.array(Num),
  n: v.number(),
  downsampled: v.boolean(),
  direction: v.optional(Direction, 'max')
});
export type ISeries = v.InferOutput<typeof Series>;
export const Histories = v.object({ series: v.array(Series) });

export const Artifacts = v.object({
  artifacts: v.array(
    v.object({
      path: v.string(),
      kind: v.string(),
      media_type: maybe(v.string()),
      size_bytes: maybe(v.number()),
      digest: maybe(v.string()),
      created_at: maybe(Time)
    })
  ),
  folders: v.optional(v.array(v.string()), [])
});
export type IArtifacts = v.InferOutput<typeof Artifacts>;
export type IArtifact = IArtifacts['artifacts'][number];

export const Preview = v.object({
  columns: v.array(v.object({ name: v.string(), type: v.string() })),
  rows: v.array(v.array(v.unknown())),
  n_rows: v.number()
});
export type IPreview = v.InferOutput<typeof Preview>;

export const Log = v.object({
  text: v.string(),
  offset: v.number(),
  size: v.number(),
  done: v.boolean()
});
export type ILog = v.InferOutput<typeof Log>;

// --- pipelines --------------------------------------------------------------------------------

export const Pipelines = v.object({
  pipelines: v.array(
    v.object({
      path: v.string(),
      name: v.string(),
      /** The file's own values. */
      params: v.optional(v.record(v.string(), v.unknown()), {}),
      steps: v.array(v.string()),
      gates: v.number(),
      faults: v.array(
        v.object({ line: maybe(v.number()), column: maybe(v.number()), message: v.string() })
      )
    })
  )
});
export type IPipelines = v.InferOutput<typeof Pipelines>;
export type IPipeline = IPipelines['pipelines'][number];

export const Started = v.object({ run_id: v.string() });

// --- events -----------------------------------------------------------------------------------

/** The id of the event schema with which the server announces a change. */
export const CHANGED = 'https://mlops-lab.example/events/changed/v1';

export const Changed = v.object({
  project: v.string(),
  kind: v.string(),
  /** At most 200; none means: reload. */
  ids: v.optional(v.array(v.string()), []),
  seq: v.number()
});
export type IChanged = v.InferOutput<typeof Changed>;
