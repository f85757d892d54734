import { InputDialog, Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import { REPORT_FILE, makeReport } from '../api/reports';
import type { IRunDetail } from '../api/types';
import { TOLD } from '../commands';
import { download } from '../components/download';
import { followRun, openRun } from '../follow-run';
import type { ITold } from '../follow-run';
import type { LiveProject } from '../state/live';
import { asRequestError } from '../state/resource';
import type { IProjectModel } from '../tokens';

/** What a command is asked to make a report of. */
export interface IReportArgs {
  project?: string;
  what: string[];
}

export function reportArgs(args: Readonly<Record<string, unknown>>): IReportArgs {
  const { project, what } = args;
  const listed = Array.isArray(what) ? what : [what];
  return {
    project: typeof project === 'string' ? project : undefined,
    what: listed.filter((one): one is string => typeof one === 'string' && one.includes(':'))
  };
}

/** The name of the file that is saved: of letters that every system takes. */
export function fileName(title: string): string {
  const stem = title.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '');
  return `${stem.slice(0, 80).toLowerCase() || 'report'}.html`;
}

export interface IReportMakerOptions {
  commands: CommandRegistry;
  projects: IProjectModel;
  trans: TranslationBundle;
}

/** *Report…*: asks for a title, has the server make the file, and offers it when it is there. */
export class ReportMaker {
  constructor(private _options: IReportMakerOptions) {}

  async make({ project, what }: IReportArgs): Promise<void> {
    const { projects, trans } = this._options;
    const key = project ?? projects.key;
    if (key === null || what.length === 0) {
      Notification.info(
        trans.__('A report is made from the view of a run, a model, data or a monitor.'),
        TOLD
      );
      return;
    }
    const answer = await InputDialog.getText({
      title: trans.__('Make a report'),
      label: trans.__('Title, by default the name of what it shows'),
      okLabel: trans.__('Make report'),
      checkbox: { label: trans.__('Show the code of notebooks'), checked: false }
    });
    if (!answer.button.accept) {
      return;
    }
    const live = projects.of(key);
    try {
      const id = await makeReport(live.client, {
        what,
        title: answer.value?.trim() || null,
        code: answer.isChecked === true
      });
      this._follow(live, id);
    } catch (error) {
      const why = asRequestError(error).message;
      Notification.error(trans.__('The report cannot be made: %1', why), TOLD);
    }
  }

  private _follow(live: LiveProject, id: string): void {
    const { commands, trans } = this._options;
    followRun({
      live,
      id,
      commands,
      trans,
      working: () => trans.__('Making a report'),
      ended: async (run, error) => this._ended(live, id, run, error)
    });
  }

  /** How it ended, and the file. */
  private _ended(
    live: LiveProject,
    id: string,
    run: IRunDetail | null,
    error: Error | null
  ): ITold {
    const { commands, trans } = this._options;
    const open = openRun(commands, trans, live.key, id);
    if (run === null || run.status !== 'finished') {
      const why = run?.reason ?? run?.error?.message ?? error?.message ?? '';
      return run?.status === 'killed'
        ? { type: 'info', message: trans.__('The report was stopped'), ...TOLD }
        : {
            type: 'error',
            message: trans.__('The report could not be made: %1', why),
            ...TOLD,
            actions: [open]
          };
    }
    const save: Notification.IAction = {
      label: trans.__('Download'),
      caption: trans.__('One file: it opens anywhere, without a network'),
      displayType: 'accent',
      callback: () => void this.save(live, id, run.name)
    };
    const left = run.reason ? ` ${run.reason}` : '';
    return {
      type: left === '' ? 'success' : 'warning',
      message: `${trans.__('The report %1 is made.', run.name)}${left}`,
      autoClose: false,
      actions: [open, save]
    };
  }

  /** Save the file that a run has made. */
  async save(live: LiveProject, id: string, title: string): Promise<void> {
    try {
      const blob = await live.client.artifact(id, REPORT_FILE);
      download(new Blob([blob], { type: 'text/html' }), fileName(title));
    } catch (error) {
      const why = asRequestError(error).message;
      Notification.error(this._options.trans.__('The report cannot be read: %1', why), TOLD);
    }
  }
}
