/** What things were made from, and what was made from them. */
import * as v from 'valibot';
import type { ProjectClient } from './client';
import { requestJSON } from './request';
import { maybe, Time } from './types';

export const Graph = v.object({
  /** The node that was asked about. */
  focus: v.string(),
  nodes: v.array(
    v.object({
      /** `dataset:flights@3`, `run:<id>`, `model:flight-delay@5`. */
      id: v.string(),
      kind: v.string(),
      label: v.string(),
      detail: v.optional(v.string(), ''),
      at: maybe(Time),
      /** False for what was deleted and is only remembered. */
      alive: v.optional(v.boolean(), true)
    })
  ),
  edges: v.array(
    v.object({ source: v.string(), target: v.string(), role: v.string(), strong: v.boolean() })
  ),
  /** Whether there is more than was followed. */
  truncated: v.optional(v.boolean(), false)
});
export type IGraph = v.InferOutput<typeof Graph>;

/** The lineage around a node, as far as `depth` steps both ways. */
export function readLineage(client: ProjectClient, node: string, depth = 6): Promise<IGraph> {
  const path = `projects/${client.key}/lineage`;
  return requestJSON(Graph, path, client.settings, { query: { node, depth } });
}
