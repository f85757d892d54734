import { describeStatus } from '../../components/status-glyph';
import type { IBadgeProps } from '../../components/badge';
import type { IconName } from '../../components/icon-paths';
import type { IArtifact, IGate, IMetricSummary, IRunDetail, ISeries } from '../../api/types';
import type { Translate } from '../../views/text';
import { isLive } from './load';
import type { IPart, IRunData } from './load';

/** An artifact and whose it is. */
export interface IOwned {
  /** `<run id>/<path>`: the same for as long as the run exists. */
  id: string;
  owner: IRunDetail;
  artifact: IArtifact;
}

/** All artifacts of a run: its own, then those of its steps. */
export function allArtifacts(data: IRunData): IOwned[] {
  return [data, ...data.steps].flatMap(({ run, artifacts }) =>
    artifacts
      .filter(artifact => !artifact.path.startsWith('mlops/'))
      .map(artifact => ({ id: `${run.id}/${artifact.path}`, owner: run, artifact }))
  );
}

/** The parts that have metrics of their own, the run first. */
export function measured(data: IRunData): IPart[] {
  return [data, ...data.steps].filter(({ run }) => shownMetrics(run).length > 0);
}

/** Metrics without the machine's own samples: these are hidden unless asked for. */
export function shownMetrics(run: IRunDetail): IMetricSummary[] {
  return run.metrics.filter(metric => !isSystem(metric.key));
}

export function shownSeries(series: readonly ISeries[]): ISeries[] {
  return series.filter(one => !isSystem(one.key));
}

function isSystem(key: string): boolean {
  return key.startsWith('system/');
}

/**
 * The metrics that say most: the goal's first, then those whose direction somebody declared, then
 * the others, each in the order in which they were logged.
 */
export function ranked(run: IRunDetail, goal: string | null): IMetricSummary[] {
  const rank = (metric: IMetricSummary) =>
    metric.key === goal ? 0 : metric.guessed === false ? 1 : 2;
  return [...shownMetrics(run)].sort((a, b) => rank(a) - rank(b));
}

/** The part whose metrics stand on the overview: the last with the goal, else the last of all. */
export function leading(data: IRunData): IPart | null {
  const parts = measured(data).reverse();
  const goal = data.run.metric?.key;
  return (
    parts.find(part => part.run.metrics.some(metric => metric.key === goal)) ?? parts[0] ?? null
  );
}

/** The executed notebooks of a run and its steps. */
export function notebooks(data: IRunData): IOwned[] {
  return allArtifacts(data).filter(({ artifact }) => viewerOf(artifact) === 'notebook');
}

/** The parts whose executed cells are known. */
export function withCells(data: IRunData): IPart[] {
  return [data, ...data.steps].filter(part => part.run.cells.length > 0);
}

export type Viewer =
  'image' | 'page' | 'markdown' | 'json' | 'text' | 'vega' | 'table' | 'notebook' | 'none';

/** What an artifact is called: how a chart is encoded is no part of its name. */
export function artifactName(artifact: IArtifact): string {
  const file = artifact.path.split('/').pop() ?? artifact.path;
  return artifact.kind === 'figure' ? file.replace(/\.v[lg]\.json$/, '') : file;
}

/** What shows an artifact: chosen by its record, never by its bytes. */
export function viewerOf(artifact: IArtifact): Viewer {
  const media = (artifact.media_type ?? '').toLowerCase().split(';')[0].trim();
  if (media === 'image/svg+xml' || media === 'text/html' || media === 'application/xhtml+xml') {
    return 'page';
  }
  if (media === 'application/x-ipynb+json' || artifact.kind === 'notebook') {
    return 'notebook';
  }
  if (/^application\/vnd\.vega(lite)?\b.*json$/.test(media)) {
    return 'vega';
  }
  if (/parquet$/.test(media) || media === 'text/csv' || artifact.kind === 'table') {
    return 'table';
  }
  if (/^image\/(png|jpeg|gif|webp|avif|bmp|x-icon)$/.test(media)) {
    return 'image';
  }
  if (media === 'text/markdown') {
    return 'markdown';
  }
  if (media === 'application/json' || media.endsWith('+json')) {
    return 'json';
  }
  if (media.startsWith('text/') || /\/(x-)?(yaml|toml|python|sh)$/.test(media)) {
    return 'text';
  }
  return 'none';
}

export function artifactIcon(artifact: IArtifact): IconName {
  switch (viewerOf(artifact)) {
    case 'image':
    case 'vega':
      return 'image';
    case 'page':
      return artifact.media_type === 'image/svg+xml' ? 'image' : 'file';
    case 'table':
      return 'table';
    case 'notebook':
      return 'notebook';
    default:
      return 'file';
  }
}

/** What is looked at, not read. */
export function isPicture({ artifact }: IOwned): boolean {
  return artifactIcon(artifact) === 'image';
}

/** The state of a run in a word or two, and its colour: grey is the normal one. */
export function stateBadge(
  run: IRunDetail,
  t: Translate
): { text: string; tone: NonNullable<IBadgeProps['tone']> } {
  if (isLive(run)) {
    return { text: run.status === 'running' ? t('running') : t('scheduled'), tone: 'live' };
  }
  if (run.status === 'failed') {
    return { text: t('failed'), tone: 'bad' };
  }
  if (run.status === 'killed') {
    return { text: t('killed'), tone: 'neutral' };
  }
  switch (run.outcome) {
    case 'passed':
      return { text: t('gates passed'), tone: 'good' };
    case 'rejected':
      return { text: t('rejected by its gates'), tone: 'bad' };
    case 'waiting':
      return { text: t('waiting for approval'), tone: 'warn' };
    default:
      return { text: describeStatus(run.status, run.outcome), tone: 'neutral' };
  }
}

/** How many gates passed, rejected and wait. */
export function tally(gates: readonly IGate[]): { passed: number; rejected: number; open: number } {
  const count = (state: string) => gates.filter(gate => gate.state === state).length;
  const passed = count('passed');
  const rejected = count('rejected');
  return { passed, rejected, open: gates.length - passed - rejected };
}

const KNOWN = [
  'scikit-learn',
  'xgboost',
  'lightgbm',
  'catboost',
  'torch',
  'tensorflow',
  'jax',
  'transformers',
  'pandas',
  'polars',
  'numpy'
];

export interface IEnvironment {
  python: string | null;
  machine: string;
  git: { commit: string; branch: string | null; dirty: boolean; diff: string | null } | null;
  packages: [string, string][];
  /** The packages that matter most for the result. */
  telling: [string, string][];
}

/** Read what was recorded of the environment; programs of other versions may have said less. */
export function environmentOf(record: Record<string, unknown>): IEnvironment {
  const packages = Object.entries(object(record.packages)).map(
    ([name, version]): [string, string] => [name, String(version)]
  );
  const git = object(record.git);
  const gpus = Array.isArray(record.gpus) ? record.gpus.length : 0;
  return {
    python: text(record.python),
    machine: [
      typeof record.cores === 'number' ? `${record.cores} cores` : null,
      typeof record.memory_bytes === 'number' ? gigabytes(record.memory_bytes) : null,
      gpus > 0 ? `${gpus} GPU` : null
    ]
      .filter(part => part !== null)
      .join(', '),
    git:
      text(git.commit) === null
        ? null
        : {
            commit: String(git.commit),
            branch: text(git.branch),
            dirty: git.dirty === true,
            diff: text(git.diff)
          },
    packages: packages.sort(([a], [b]) => a.localeCompare(b)),
    telling: KNOWN.flatMap(name => packages.filter(([one]) => one === name)).slice(0, 3)
  };
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function gigabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 30)} GB`;
}
