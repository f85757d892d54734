export { LineageGraph } from './graph';
export type { ILineageGraphProps } from './graph';
export type { IEdge, IGraph, INode } from './state';
