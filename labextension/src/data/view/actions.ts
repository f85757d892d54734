import { createContext } from 'react';
import type { PointerEvent } from 'react';

/** What a person can do from the view of a version; the widget carries it out by commands. */
export interface IDatasetActions {
  openRun(id: string): void;
  openDataset(name: string, version: number | null): void;
  openModel(name: string, version: number): void;
  /** Open a file of the project. */
  openFile(path: string): void;
  /** Insert the cell that loads the shown version. */
  insert(): void;
  /** A press that may become a drag of that cell. */
  press(event: PointerEvent): void;
  copy(text: string): void;
  /** Make a report of the shown version. */
  report(): void;
  /** All that can be done, at a place on the page. */
  menu(at: DOMRect): void;
}

const nothing = (): void => {};

export const ActionsContext = createContext<IDatasetActions>({
  openRun: nothing,
  openDataset: nothing,
  openModel: nothing,
  openFile: nothing,
  insert: nothing,
  press: nothing,
  copy: nothing,
  report: nothing,
  menu: nothing
});
