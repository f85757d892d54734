import { createContext, useContext } from 'react';
import type { IAnswer } from '../host';
import { Brush } from './brush';
import type { IRange } from './facts';
import { finite, ranked } from './facts';
import type { IColumn, IEvaluation, ISelection } from './state';

/** What came of a request. */
export type ISaid = Pick<IAnswer, 'ok' | 'sentence'>;

/** What the parts of the view share, beside the host. */
export interface IShown {
  evaluation: IEvaluation;
  selection: ISelection;
  /** The columns in the order of the ranking. */
  columns: readonly IColumn[];
  /** The one that is looked at; null: there is none. */
  column: IColumn | null;
  /** Whether importance is known: then the ranking is by drift × importance. */
  weighed: boolean;
  brush: Brush;
  /** Show a range; null: all chunks. */
  select(range: IRange | null): void;
}

export const ShownContext = createContext<IShown | null>(null);

export function useShown(): IShown {
  const shown = useContext(ShownContext);
  if (shown === null) {
    throw new Error('There is no evaluation around this.');
  }
  return shown;
}

export function orderOf(evaluation: IEvaluation): Pick<IShown, 'columns' | 'weighed'> {
  return {
    columns: ranked(evaluation),
    weighed: evaluation.columns.some(column => finite(column.importance) !== null)
  };
}
