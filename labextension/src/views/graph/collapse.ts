import type { IEdge, IGraph, INode } from './state';

/** So many alike become one; fewer are as easily read one by one. */
const ALIKE = 4;

/** What is drawn as one box: a node, or several that only their names tell apart. */
export interface IItem {
  id: string;
  node: INode;
  /** The nodes it stands for, in the order of their labels; empty for a single one. */
  members: readonly INode[];
}

export interface ICollapsed {
  items: readonly IItem[];
  edges: readonly IEdge[];
}

/**
 * Draw nodes of one kind with the same neighbours as one, but for the focus and what was opened.
 *
 * A model that was trained on fifty weeks has fifty datasets that say the same thing fifty times.
 */
export function collapse(graph: IGraph, opened: ReadonlySet<string>): ICollapsed {
  const known = new Set(graph.nodes.map(node => node.id));
  const edges = graph.edges.filter(({ source, target }) => known.has(source) && known.has(target));
  const alike = new Map<string, INode[]>();
  const neighbours = neighboursOf(edges);
  for (const node of graph.nodes) {
    const key =
      node.id === graph.focus ? `focus ${node.id}` : `${node.kind}|${neighbours(node.id)}`;
    alike.set(key, [...(alike.get(key) ?? []), node]);
  }
  const items: IItem[] = [];
  const standsFor = new Map<string, string>();
  for (const nodes of alike.values()) {
    const id = `group:${nodes[0].id}`;
    if (nodes.length < ALIKE || opened.has(id)) {
      nodes.forEach(node => items.push({ id: node.id, node, members: [] }));
    } else {
      const members = [...nodes].sort((a, b) => compareLabels(a.label, b.label));
      items.push({ id, node: nodes[0], members });
      nodes.forEach(node => standsFor.set(node.id, id));
    }
  }
  const drawn = new Map<string, IEdge>();
  for (const edge of edges) {
    const source = standsFor.get(edge.source) ?? edge.source;
    const target = standsFor.get(edge.target) ?? edge.target;
    const key = `${source}\n${target}`;
    const before = drawn.get(key);
    if (source !== target && (before === undefined || (edge.strong && !before.strong))) {
      drawn.set(key, { ...edge, source, target });
    }
  }
  return { items, edges: [...drawn.values()] };
}

function neighboursOf(edges: readonly IEdge[]): (id: string) => string {
  const lists = new Map<string, string[]>();
  const add = (id: string, what: string) => lists.set(id, [...(lists.get(id) ?? []), what]);
  for (const { source, target, role } of edges) {
    add(source, `>${role} ${target}`);
    add(target, `<${role} ${source}`);
  }
  return id => (lists.get(id) ?? []).sort().join('|');
}

const collator = new Intl.Collator('en', { numeric: true });

export function compareLabels(a: string, b: string): number {
  return collator.compare(a, b);
}
