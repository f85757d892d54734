import { formatDifference, formatMetric, judge } from '../../components/format';
import { toNumber } from '../number';
import type { Translate } from '../text';
import type {
  Direction,
  IAliasMove,
  IMe,
  IModelPage,
  IModels,
  ISelection,
  IVersionDetail,
  IVersionRow,
  WireNumber
} from './state';

/** The metrics worth a column: the project's goals first, then what most versions have. */
export function metricKeys(page: IModelPage): string[] {
  const counts = new Map<string, number>();
  for (const { metrics } of page.versions) {
    Object.keys(metrics).forEach(key => counts.set(key, (counts.get(key) ?? 0) + 1));
  }
  const goals = Object.keys(page.goals).filter(key => counts.has(key));
  const others = [...counts.keys()]
    .filter(key => !(key in page.goals) && !isDetail(key))
    .sort((a, b) => counts.get(b)! - counts.get(a)!);
  return [...goals, ...others];
}

/** Values of groups and of the machine belong to a metric, and are none of their own. */
function isDetail(key: string): boolean {
  return key.startsWith('system/') || key.includes('=');
}

export interface IDifference {
  value: number;
  text: string;
  /** Null where nobody said what is better. */
  verdict: 'better' | 'worse' | null;
  up: boolean;
}

/** How far a value is from another; null where one of them is not known. */
export function difference(
  key: string,
  value: WireNumber | undefined,
  before: WireNumber | undefined,
  direction: Direction | undefined
): IDifference | null {
  const [a, b] = [toNumber(value), toNumber(before)];
  if (a === null || b === null || !Number.isFinite(a - b)) {
    return null;
  }
  const gap = a - b;
  const text = withUnit(key, gap);
  const verdict = direction === undefined || text === '=' ? null : judge(gap, direction);
  return { value: gap, text, verdict, up: gap > 0 };
}

function withUnit(key: string, gap: number): string {
  if (!/_(ms|s|seconds|bytes)$/.test(key)) {
    return formatDifference(gap);
  }
  return gap === 0 ? '=' : (gap < 0 ? '−' : '+') + formatMetric(key, Math.abs(gap));
}

/** The version that is looked at: the chosen one, else the newest. */
export function chosenVersion(page: IModelPage, selection: ISelection): IVersionRow | null {
  const found = page.versions.find(one => one.version === selection.version);
  return found ?? page.versions[0] ?? null;
}

/** The model that is looked at: the chosen one, else the first that waits, else the first. */
export function chosenModel(models: IModels, selection: ISelection): string | null {
  return selection.model ?? models.queue[0]?.model ?? models.models[0]?.name ?? null;
}

/** The version to compare with: the champion, else the one before. */
export function otherVersion(page: IModelPage, version: number): number | null {
  const champion = page.model.aliases.find(one => one.alias === 'champion')?.version;
  if (champion !== undefined && champion !== version) {
    return champion;
  }
  const at = page.versions.findIndex(one => one.version === version);
  return (
    (page.versions[at + 1] ?? page.versions.find(one => one.version !== version))?.version ?? null
  );
}

/** The aliases that can go back, the champion first. */
export function waysBack(page: IModelPage): string[] {
  return page.policies
    .filter(({ back }) => back !== null)
    .map(({ alias }) => alias)
    .sort((a, b) => Number(b === 'champion') - Number(a === 'champion'));
}

/** The move that put an alias where it is. */
export function current(history: readonly IAliasMove[], alias: string): IAliasMove | null {
  return history.find(move => move.alias === alias && move.until === null) ?? null;
}

/** What stood behind an alias at a time; null when nothing did. */
export function onDay(history: readonly IAliasMove[], alias: string, at: Date): IAliasMove | null {
  const time = at.getTime();
  return (
    history.find(
      move =>
        move.alias === alias &&
        Date.parse(move.since) <= time &&
        (move.until === null || time < Date.parse(move.until))
    ) ?? null
  );
}

/** `scikit-learn, skops`: what a person knows a format by. */
export function flavorText(row: { flavor: string; unsafe: boolean }, t: Translate): string {
  if (row.unsafe) {
    return row.flavor === 'pickle' ? 'pickle' : t('%1, pickle', row.flavor);
  }
  return row.flavor === 'sklearn' ? 'scikit-learn, skops' : row.flavor;
}

/** The first digits of a content id, as people compare them. */
export function shortDigest(digest: string): string {
  return digest.replace(/^b3-/, '').slice(0, 8);
}

/** The alias that there is something to decide about, first what waits; null when there is none. */
export function decidable(detail: IVersionDetail, me: IMe | null): string | null {
  const open = detail.promotions.filter(one => one.state !== 'current');
  const found =
    open.find(one => one.may_approve) ??
    open.find(one => one.may_promote || one.may_request) ??
    open[open.length - 1];
  const free = detail.promotions.some(one => one.alias === 'champion') ? null : 'champion';
  return found?.alias ?? (me?.may.includes('models:promote') ? free : null);
}
