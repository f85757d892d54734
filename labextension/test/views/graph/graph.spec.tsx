import { act } from 'react';
import { createRoot } from 'react-dom/client';
import type { Root } from 'react-dom/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { decode } from '../../../src/api/request';
import { Graph } from '../../../src/api/lineage';
import { collapse } from '../../../src/views/graph/collapse';
import { LineageGraph } from '../../../src/views/graph';
import type { IEdge, IGraph } from '../../../src/views/graph';
import { NODE_HEIGHT, layout, pathOf } from '../../../src/views/graph/layout';
import { sample } from '../../wire';

const lineage: IGraph = decode(Graph, sample('lineage'));
const NONE = new Set<string>();

function graphOf(names: readonly string[], edges: readonly (readonly [string, string])[]): IGraph {
  return {
    focus: names[0],
    nodes: names.map(id => ({ id, kind: 'run', label: id, detail: '', at: null, alive: true })),
    edges: edges.map(([source, target]) => ({ source, target, role: 'input', strong: true }))
  };
}

/** 200 nodes: forty weeks make eight models by many runs, in layers that cross. */
function large(): IGraph {
  const names: string[] = [];
  const edges: [string, string][] = [];
  for (let layer = 0; layer < 10; layer += 1) {
    for (let i = 0; i < 20; i += 1) {
      names.push(`n${layer}-${i}`);
      if (layer > 0) {
        edges.push([`n${layer - 1}-${(i * 7) % 20}`, `n${layer}-${i}`]);
        edges.push([`n${Math.max(0, layer - 3)}-${(i * 3 + 1) % 20}`, `n${layer}-${i}`]);
      }
    }
  }
  return graphOf(names, edges);
}

describe('the layout of lineage', () => {
  it('leads every edge to the right', () => {
    const { nodes } = layout(collapse(lineage, NONE));
    const layer = new Map(nodes.map(({ item, layer }) => [item.id, layer]));
    for (const { source, target } of lineage.edges) {
      expect(layer.get(source)!).toBeLessThan(layer.get(target)!);
    }
  });

  it('lays no node over another, with 200 of them too', () => {
    for (const graph of [lineage, large()]) {
      const { nodes } = layout(collapse(graph, NONE));
      expect(nodes).toHaveLength(graph.nodes.length);
      const layers = new Map<number, number[]>();
      nodes.forEach(({ layer, y }) => layers.set(layer, [...(layers.get(layer) ?? []), y]));
      for (const ys of layers.values()) {
        ys.sort((a, b) => a - b);
        ys.slice(1).forEach((y, i) => expect(y - ys[i]).toBeGreaterThanOrEqual(NODE_HEIGHT));
      }
      expect(Math.min(...nodes.map(({ y }) => y))).toBeGreaterThanOrEqual(0);
    }
  });

  it('survives a cycle, an edge to nowhere and an edge to itself', () => {
    const graph = graphOf(
      ['a', 'b', 'c'],
      [
        ['a', 'b'],
        ['b', 'c'],
        ['c', 'a'],
        ['c', 'c'],
        ['c', 'gone']
      ]
    );
    expect(layout(collapse(graph, NONE)).nodes).toHaveLength(3);
  });

  it('draws many alike as one, until it is opened', () => {
    const weeks = Array.from({ length: 52 }, (_, i) => `week ${i + 1}`);
    const graph = graphOf(
      ['model', ...weeks],
      weeks.map(week => [week, 'model'] as const)
    );
    const { items, edges } = collapse(graph, NONE);
    expect(items).toHaveLength(2);
    expect(edges).toHaveLength(1);
    const group = items.find(({ members }) => members.length > 0)!;
    expect(group.members.map(({ label }) => label).slice(0, 3)).toEqual([
      'week 1',
      'week 2',
      'week 3'
    ]);
    expect(collapse(graph, new Set([group.id])).items).toHaveLength(53);
  });

  it('knows what led to a node and what follows, and not its siblings', () => {
    const edges: IEdge[] = graphOf(
      [],
      [
        ['a', 'b'],
        ['b', 'c'],
        ['a', 'sibling']
      ]
    ).edges.slice();
    expect([...pathOf('b', edges)].sort()).toEqual(['a', 'b', 'c']);
  });
});

describe('the lineage graph', () => {
  let host: HTMLElement;
  let root: Root;
  beforeEach(() => {
    host = document.body.appendChild(document.createElement('div'));
    root = createRoot(host);
  });
  afterEach(() => {
    act(() => root.unmount());
    host.remove();
  });
  const draw = (onOpen?: (node: { id: string }) => void) =>
    act(() => root.render(<LineageGraph graph={lineage} label="Lineage" onOpen={onOpen} />));
  const held = () => host.querySelector('svg [tabindex="0"]')!;
  const press = (key: string) =>
    act(() => {
      document.activeElement!.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    });

  it('is walked by arrow keys, from what it is about, and opens what has the keyboard', () => {
    const onOpen = vi.fn();
    draw(onOpen);
    expect(host.querySelectorAll('svg [tabindex="0"]')).toHaveLength(1);
    expect(held().getAttribute('aria-current')).toBe('true');
    act(() => (held() as SVGGElement).focus());
    press('ArrowLeft');
    expect(document.activeElement?.getAttribute('aria-label')).toContain('train');
    press('ArrowLeft');
    expect(document.activeElement?.getAttribute('data-id')).toMatch(/^dataset:/);
    press('Enter');
    expect(onOpen.mock.calls[0][0].id).toMatch(/^dataset:/);
    press('Home');
    expect(document.activeElement?.getAttribute('data-id')).toBe(lineage.focus);
  });

  it('opens nothing where nothing can be opened, and nothing that is gone', () => {
    draw();
    expect(host.querySelectorAll('svg [role="button"]')).toHaveLength(0);
    draw(vi.fn());
    const gone = lineage.nodes.filter(({ alive }) => !alive).length;
    expect(host.querySelectorAll('svg [role="button"]')).toHaveLength(lineage.nodes.length - gone);
  });

  it('says the same as a list', () => {
    draw();
    const toggle = host.querySelector<HTMLButtonElement>('button[aria-label="As a list"]')!;
    act(() => toggle.click());
    expect(host.querySelectorAll('li')).toHaveLength(lineage.nodes.length);
    const focus = host.querySelector('li[aria-current="true"]');
    expect(focus?.textContent).toContain('from train');
  });
});
