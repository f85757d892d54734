import type { ICollapsed, IItem } from './collapse';
import { compareLabels } from './collapse';
import type { IEdge } from './state';

export const NODE_WIDTH = 148;
export const NODE_HEIGHT = 36;
const COLUMN_GAP = 48;
const ROW_GAP = 12;
/** An edge that passes a layer takes less room there than a node. */
const LANE_HEIGHT = 10;
const PAD = 4;
const SWEEPS = 6;

export interface IPlaced {
  item: IItem;
  x: number;
  y: number;
  layer: number;
}

export interface IRoute {
  edge: IEdge;
  path: string;
}

export interface ILayout {
  nodes: readonly IPlaced[];
  routes: readonly IRoute[];
  width: number;
  height: number;
}

/** A place in a layer: a node, or an edge on its way to a later one. */
interface ISlot {
  id: string;
  item: IItem | null;
  layer: number;
  y: number;
  height: number;
  before: ISlot[];
  after: ISlot[];
}

/** Place nodes in layers from left to right, so that every edge leads to the right. */
export function layout({ items, edges }: ICollapsed): ILayout {
  const forward = withoutCycles(items, edges);
  const ranks = rank(items, forward);
  const { layers, chains } = slots(items, forward, ranks);
  order(layers);
  place(layers);
  const x = (layer: number) => PAD + layer * (NODE_WIDTH + COLUMN_GAP);
  const nodes = layers.flatMap((layer, i) =>
    layer.flatMap(slot =>
      slot.item === null ? [] : [{ item: slot.item, x: x(i), y: slot.y, layer: i }]
    )
  );
  const bottom = Math.max(0, ...layers.flat().map(slot => slot.y + slot.height));
  return {
    nodes,
    routes: chains.map(({ edge, chain }) => ({ edge, path: route(chain, x) })),
    width: Math.max(0, x(layers.length - 1) + NODE_WIDTH + PAD),
    height: bottom + PAD
  };
}

/** Turn edges that lead back: what is drawn then has no cycle, whatever came over the wire. */
function withoutCycles(items: readonly IItem[], edges: readonly IEdge[]): IEdge[] {
  const out = new Map<string, IEdge[]>();
  edges.forEach(edge => out.set(edge.source, [...(out.get(edge.source) ?? []), edge]));
  const state = new Map<string, 'open' | 'done'>();
  const back = new Set<IEdge>();
  for (const { id } of items) {
    if (state.has(id)) {
      continue;
    }
    state.set(id, 'open');
    const path: { id: string; next: number }[] = [{ id, next: 0 }];
    while (path.length > 0) {
      const top = path[path.length - 1];
      const edge = out.get(top.id)?.[top.next++];
      if (edge === undefined) {
        state.set(top.id, 'done');
        path.pop();
      } else if (state.get(edge.target) === 'open') {
        back.add(edge);
      } else if (!state.has(edge.target)) {
        state.set(edge.target, 'open');
        path.push({ id: edge.target, next: 0 });
      }
    }
  }
  return edges.filter(edge => !back.has(edge));
}

/** The layer of each node: behind all that it was made from, and as near as can be to what follows. */
function rank(items: readonly IItem[], edges: readonly IEdge[]): Map<string, number> {
  const before = new Map<string, string[]>(items.map(({ id }) => [id, []]));
  const after = new Map<string, string[]>(items.map(({ id }) => [id, []]));
  for (const { source, target } of edges) {
    after.get(source)?.push(target);
    before.get(target)?.push(source);
  }
  const sorted = topological(items, before, after);
  const ranks = new Map<string, number>();
  for (const id of sorted) {
    ranks.set(id, Math.max(-1, ...before.get(id)!.map(one => ranks.get(one)!)) + 1);
  }
  for (const id of sorted.reverse()) {
    // What has nothing before it stands just before its first use: short edges, few crossings.
    if (before.get(id)!.length === 0 && after.get(id)!.length > 0) {
      ranks.set(id, Math.min(...after.get(id)!.map(one => ranks.get(one)!)) - 1);
    }
  }
  return ranks;
}

function topological(
  items: readonly IItem[],
  before: ReadonlyMap<string, readonly string[]>,
  after: ReadonlyMap<string, readonly string[]>
): string[] {
  const waiting = new Map(items.map(({ id }) => [id, before.get(id)!.length]));
  const sorted = items.map(({ id }) => id).filter(id => waiting.get(id) === 0);
  for (let i = 0; i < sorted.length; i += 1) {
    for (const next of after.get(sorted[i])!) {
      const left = waiting.get(next)! - 1;
      waiting.set(next, left);
      if (left === 0) {
        sorted.push(next);
      }
    }
  }
  return sorted;
}

function slots(items: readonly IItem[], edges: readonly IEdge[], ranks: Map<string, number>) {
  const count = Math.max(0, ...[...ranks.values()].map(value => value + 1));
  const layers: ISlot[][] = Array.from({ length: count }, () => []);
  const make = (id: string, item: IItem | null, layer: number): ISlot => {
    const height = item === null ? LANE_HEIGHT : NODE_HEIGHT;
    const slot = { id, item, layer, y: 0, height, before: [], after: [] };
    layers[layer].push(slot);
    return slot;
  };
  const byId = new Map<string, ISlot>();
  const sorted = [...items].sort((a, b) => compareLabels(a.node.label, b.node.label));
  sorted.forEach(item => byId.set(item.id, make(item.id, item, ranks.get(item.id)!)));
  const chains = edges.map(edge => {
    const source = byId.get(edge.source)!;
    const target = byId.get(edge.target)!;
    const chain = [source];
    for (let layer = source.layer + 1; layer < target.layer; layer += 1) {
      chain.push(make(`${edge.source}>${edge.target}`, null, layer));
    }
    chain.push(target);
    for (let i = 1; i < chain.length; i += 1) {
      chain[i - 1].after.push(chain[i]);
      chain[i].before.push(chain[i - 1]);
    }
    return { edge, chain };
  });
  return { layers, chains };
}

/** Bring neighbours near to each other: sweeps by the mean place of the layer before, then after. */
function order(layers: ISlot[][]): void {
  layers.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    const turn = down ? layers : [...layers].reverse();
    for (const layer of turn) {
      const wish = new Map(
        layer.map(slot => [slot, mean(down ? slot.before : slot.after, slot.y)])
      );
      layer.sort((a, b) => wish.get(a)! - wish.get(b)!);
      number(layer);
    }
  }
}

function number(layer: readonly ISlot[]): void {
  layer.forEach((slot, i) => {
    slot.y = i;
  });
}

function mean(slots: readonly ISlot[], otherwise: number): number {
  return slots.length === 0 ? otherwise : slots.reduce((sum, { y }) => sum + y, 0) / slots.length;
}

/** Heights in pixels: beside the neighbours where there is room, never over one another. */
function place(layers: readonly ISlot[][]): void {
  for (const layer of layers) {
    stack(layer, PAD);
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      const wish = layer.map(slot => {
        const others = down ? slot.before : slot.after;
        const middle = mean(others.map(centred), slot.y + slot.height / 2);
        return middle - slot.height / 2;
      });
      settle(layer, wish);
    }
  }
  const top = Math.min(...layers.flat().map(slot => slot.y));
  layers.flat().forEach(slot => {
    slot.y += PAD - top;
  });
}

function centred(slot: ISlot): ISlot {
  return { ...slot, y: slot.y + slot.height / 2 };
}

function stack(layer: readonly ISlot[], from: number): void {
  let y = from;
  for (const slot of layer) {
    slot.y = y;
    y += slot.height + ROW_GAP;
  }
}

/** The places nearest to what each wishes that keep order and distance (pool adjacent violators). */
function settle(layer: readonly ISlot[], wish: readonly number[]): void {
  const blocks: { slots: ISlot[]; sum: number; count: number; height: number }[] = [];
  layer.forEach((slot, i) => {
    let block = { slots: [slot], sum: wish[i], count: 1, height: slot.height + ROW_GAP };
    for (
      let last = blocks.at(-1);
      last !== undefined && last.sum / last.count + last.height > block.sum / block.count;
      last = blocks.at(-1)
    ) {
      blocks.pop();
      block = {
        slots: [...last.slots, ...block.slots],
        // The later ones' wishes as wishes for where the whole block begins.
        sum: last.sum + block.sum - last.height * block.count,
        count: last.count + block.count,
        height: last.height + block.height
      };
    }
    blocks.push(block);
  });
  blocks.forEach(block => stack(block.slots, block.sum / block.count));
}

function route(chain: readonly ISlot[], x: (layer: number) => number): string {
  const [first, ...rest] = chain;
  let [fromX, fromY] = [x(first.layer) + NODE_WIDTH, middle(first)];
  let path = `M${fromX} ${fromY}`;
  for (const slot of rest) {
    const [toX, toY] = [x(slot.layer), middle(slot)];
    const half = (fromX + toX) / 2;
    path += `C${half} ${fromY} ${half} ${toY} ${toX} ${toY}`;
    if (slot.item === null) {
      path += `H${toX + NODE_WIDTH}`;
    }
    [fromX, fromY] = [toX + NODE_WIDTH, toY];
  }
  return path;
}

function middle(slot: ISlot): number {
  return Math.round((slot.y + slot.height / 2) * 10) / 10;
}

/** Whatever leads to a node and whatever follows from it, with the node itself. */
export function pathOf(id: string, edges: readonly IEdge[]): ReadonlySet<string> {
  const found = new Set([id]);
  const follow = (from: 'source' | 'target', to: 'source' | 'target') => {
    const seen = new Set([id]);
    for (const one of seen) {
      for (const edge of edges) {
        if (edge[from] === one) {
          seen.add(edge[to]);
          found.add(edge[to]);
        }
      }
    }
  };
  follow('source', 'target');
  follow('target', 'source');
  return found;
}
