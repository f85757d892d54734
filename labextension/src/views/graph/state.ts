/** A thing that was made or used: a version of a dataset or a model, or a run. */
export interface INode {
  /** `dataset:flights@3`, `run:<id>`, `model:flight-delay@5`. */
  id: string;
  kind: string;
  label: string;
  detail: string;
  at: string | null;
  /** False for what was deleted and is only remembered. */
  alive: boolean;
}

/** From what something was made from, to what was made. */
export interface IEdge {
  source: string;
  target: string;
  role: string;
  /** Whether the target needs the source; a weak edge only looked at it. */
  strong: boolean;
}

export interface IGraph {
  /** The node that was asked about. */
  focus: string;
  nodes: readonly INode[];
  edges: readonly IEdge[];
  /** Whether there is more than was followed. */
  truncated?: boolean;
}
