import type { ReactElement } from 'react';
import { useValue } from '../hooks';
import type { IModel } from '../model';
import { defineView } from '../mount';
import { LineageGraph } from './graph';
import type { IGraph } from './state';

/** A graph as a view of its own: in a report nothing can be opened from it. */
export interface ILineageState {
  graph: IGraph;
  label: string;
}

function Lineage({ model }: { model: IModel<ILineageState> }): ReactElement {
  return <LineageGraph graph={useValue(model, 'graph')} label={useValue(model, 'label')} />;
}

export default defineView<ILineageState>(Lineage);
