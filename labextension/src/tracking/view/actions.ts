import { createContext } from 'react';

/** What a person can do from the run view; the widget carries it out by commands. */
export interface IRunActions {
  /** Open another run of the project. */
  open(id: string): void;
  rename(): void;
  star(): void;
  /** Ask it to stop; false when that could not be asked. */
  stop(): Promise<boolean>;
  /** Run a pipeline file again. */
  rerun(path: string): void;
  restore(): void;
  copyId(): void;
  /** Show a version of data or of a model that it was given. */
  openInput(kind: 'dataset' | 'model', name: string, version: number): void;
  /** Make a version of a model that a run has logged. */
  register(run: string): void;
  /** Make a report of it. */
  report(): void;
  /** All that can be done, at a place on the page. */
  menu(at: DOMRect): void;
}

const nothing = (): void => {};

export const ActionsContext = createContext<IRunActions>({
  open: nothing,
  rename: nothing,
  star: nothing,
  stop: async () => false,
  rerun: nothing,
  restore: nothing,
  copyId: nothing,
  openInput: nothing,
  register: nothing,
  report: nothing,
  menu: nothing
});
