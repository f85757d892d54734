import type { IconName } from '../../components/icon-paths';
import type { Translate } from '../text';
import type { IItem } from './collapse';
import type { IGraph, INode } from './state';

export function kindText(kind: string, t: Translate): string {
  return kind === 'dataset'
    ? t('data')
    : kind === 'model'
      ? t('model')
      : kind === 'run'
        ? t('run')
        : kind;
}

export function iconOf(kind: string): IconName {
  return kind === 'dataset' || kind === 'model' ? kind : 'run';
}

export function isAlive(node: INode): boolean {
  return node.alive;
}

/** What a box says: its name and a detail. */
export function wordsOf(item: IItem, t: Translate): [string, string] {
  const { node, members } = item;
  if (members.length > 0) {
    const last = members[members.length - 1];
    return [countOf(node.kind, members.length, t), t('%1 to %2', members[0].label, last.label)];
  }
  return [node.label, node.alive ? node.detail : t('deleted')];
}

function countOf(kind: string, count: number, t: Translate): string {
  switch (kind) {
    case 'dataset':
      return t('%1 data versions', count);
    case 'model':
      return t('%1 model versions', count);
    default:
      return t('%1 runs', count);
  }
}

/** How large a graph is: `46 things, 45 steps`. */
export function countsOf({ nodes, edges }: IGraph, t: Translate): string {
  const things = nodes.length === 1 ? t('1 thing') : t('%1 things', nodes.length);
  const steps = edges.length === 1 ? t('1 step') : t('%1 steps', edges.length);
  return edges.length === 0 ? things : `${things}, ${steps}`;
}

/** A node in words, with what it came from and what it led to. */
export function describe(item: IItem, graph: IGraph, t: Translate): string {
  const [title, detail] = wordsOf(item, t);
  const ids = new Set(item.members.length > 0 ? item.members.map(({ id }) => id) : [item.id]);
  const names = (from: 'source' | 'target', to: 'source' | 'target') => {
    const others = new Set(graph.edges.filter(edge => ids.has(edge[from])).map(edge => edge[to]));
    const labels = graph.nodes.filter(({ id }) => others.has(id)).map(one => one.label);
    return labels.length > 5
      ? t('%1 and %2 more', labels.slice(0, 4).join(', '), labels.length - 4)
      : labels.join(', ');
  };
  const before = names('target', 'source');
  const after = names('source', 'target');
  return [
    kindText(item.node.kind, t),
    title,
    detail,
    before !== '' && t('from %1', before),
    after !== '' && t('leads to %1', after),
    item.members.length > 0 && t('Enter shows each')
  ]
    .filter(Boolean)
    .join(', ');
}
