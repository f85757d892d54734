import { formatBytes } from '../../components/format';
import type { Translate } from '../text';
import { flavorText } from './facts';
import type { Direction, IField, IVersionDetail, WireNumber } from './state';

/** One fact of two versions side by side. */
export interface ILine {
  name: string;
  before: string;
  after: string;
  same: boolean;
}

export interface IMetricLine {
  key: string;
  before: WireNumber | undefined;
  after: WireNumber | undefined;
  direction: Direction | undefined;
}

export interface IComparison {
  metrics: readonly IMetricLine[];
  /** Whether both were judged on the same rows. */
  sameRows: boolean;
  params: readonly ILine[];
  data: readonly ILine[];
  signature: readonly ILine[];
  environment: readonly ILine[];
}

/** Two versions fact by fact; what differs comes first. */
export function compareVersions(
  before: IVersionDetail,
  after: IVersionDetail,
  goals: Readonly<Record<string, Direction>>,
  t: Translate
): IComparison {
  const { metrics, sameRows } = sameRowMetrics(before, after);
  const keys = union(Object.keys(goals), Object.keys(metrics), Object.keys(after.metrics)).filter(
    key => key in metrics || key in after.metrics
  );
  return {
    metrics: keys.map(key => ({
      key,
      before: metrics[key],
      after: after.metrics[key],
      direction: goals[key]
    })),
    sameRows,
    params: lines(texts(before.params), texts(after.params), t),
    data: lines(inputs(before), inputs(after), t),
    signature: lines(fields(before, t), fields(after, t), t),
    environment: lines(environment(before, t), environment(after, t), t)
  };
}

/** The metrics of the older as judged beside the newer, where that was done. */
export function sameRowMetrics(
  before: { version: number; metrics: IVersionDetail['metrics'] },
  after: { champion: IVersionDetail['champion'] }
): { metrics: IVersionDetail['metrics']; sameRows: boolean } {
  return after.champion?.version === before.version
    ? { metrics: after.champion.metrics, sameRows: true }
    : { metrics: before.metrics, sameRows: false };
}

function lines(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  t: Translate
): ILine[] {
  const none = t('none');
  return union(Object.keys(before), Object.keys(after))
    .map(name => ({
      name,
      before: before[name] ?? none,
      after: after[name] ?? none,
      same: before[name] === after[name]
    }))
    .sort((a, b) => Number(a.same) - Number(b.same));
}

function union(...lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())];
}

function texts(params: IVersionDetail['params']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value)
    ])
  );
}

function inputs({ inputs: list }: IVersionDetail): Record<string, string> {
  return Object.fromEntries(list.map(({ dataset, version }) => [dataset, String(version)]));
}

function fields({ signature }: IVersionDetail, t: Translate): Record<string, string> {
  const write = (side: string, list: readonly IField[]) =>
    list.map(({ name, type, optional }) => [
      `${side}${name}`,
      optional ? t('%1, may be missing', type) : type
    ]);
  return signature === null
    ? {}
    : Object.fromEntries([...write('', signature.inputs), ...write('→ ', signature.outputs)]);
}

function environment(one: IVersionDetail, t: Translate): Record<string, string> {
  const facts: Record<string, string | null> = {
    [t('format')]: flavorText(one, t),
    [t('size')]: formatBytes(one.size_bytes),
    [t('notebook')]: one.code.notebook,
    git: one.code.git_commit && commitText(one.code.git_commit, one.code.git_dirty, t),
    python: one.environment.python,
    [t('packages')]: one.environment.packages > 0 ? String(one.environment.packages) : null
  };
  return Object.fromEntries(
    Object.entries(facts).filter((entry): entry is [string, string] => Boolean(entry[1]))
  );
}

/** `4d1c0e7`, and whether the files were others than the commit says. */
export function commitText(commit: string, dirty: boolean | null, t: Translate): string {
  const short = commit.slice(0, 7);
  return dirty === true ? t('%1 with uncommitted changes', short) : short;
}
