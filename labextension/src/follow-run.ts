import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { IRunDetail } from './api/types';
import { CommandIDs, TOLD } from './commands';
import type { LiveProject } from './state/live';
import { asRequestError } from './state/resource';

/** How something ended, as it is told. */
export interface ITold extends Notification.IOptions<null> {
  type: 'info' | 'success' | 'warning' | 'error';
  message: string;
}

export interface IFollowed {
  live: LiveProject;
  /** The run's id. */
  id: string;
  commands: CommandRegistry;
  trans: TranslationBundle;
  /** What is told while it works; of the run, once it has been read. */
  working: (run: IRunDetail | null) => string;
  /** What is told when it has ended; without a run, why it cannot be read. */
  ended: (run: IRunDetail | null, error: Error | null) => Promise<ITold>;
}

/** Stay with detached work until it has ended, and tell how. */
export function followRun(options: IFollowed): void {
  const { live, id, commands, trans, working, ended } = options;
  const actions = [
    openRun(commands, trans, live.key, id),
    {
      label: trans.__('Stop'),
      callback: (event: MouseEvent): void => {
        event.preventDefault(); // The notice stays, to tell that it has stopped.
        live.client.cancel(id).catch((error: unknown) => {
          const why = asRequestError(error).message;
          Notification.error(trans.__('The run cannot be stopped: %1', why), TOLD);
        });
      }
    }
  ];
  const shown = { autoClose: false, actions } as const;
  const notice = Notification.emit(working(null), 'in-progress', shown);
  const run = live.resource<IRunDetail>({
    load: client => client.run(id),
    concerns: ({ kind, ids }) => kind === 'runs' && (ids === null || ids.includes(id))
  });
  run.changed.connect(() => {
    const { value, error } = run;
    if (value !== null && isOpen(value)) {
      Notification.update({ id: notice, message: working(value), ...shown });
    } else if (value !== null || (error !== null && !error.transient)) {
      run.dispose();
      live.reload();
      void ended(value, error).then(told => settle(notice, told));
    }
  });
}

/** The button of a notification that shows a run; the notification stays. */
export function openRun(
  commands: CommandRegistry,
  trans: TranslationBundle,
  project: string,
  id: string
): Notification.IAction {
  return {
    label: trans.__('Open run'),
    callback: event => {
      event.preventDefault(); // What else is to be told would be lost.
      void commands.execute(CommandIDs.openRun, { project, id });
    }
  };
}

/** Tell the end in the place of the beginning; anew where a person has put that away. */
function settle(id: string, { type, message, ...options }: ITold): void {
  if (!Notification.update({ id, type, message, ...options })) {
    Notification.emit(message, type, options);
  }
}

function isOpen({ status }: IRunDetail): boolean {
  return status === 'running' || status === 'scheduled';
}
