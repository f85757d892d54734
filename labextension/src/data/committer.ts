import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDatasetVersionRow } from '../api/data';
import { DataClient } from '../api/data';
import { readLineage } from '../api/lineage';
import type { IRunDetail } from '../api/types';
import { CommandIDs, TOLD } from '../commands';
import { formatBytes } from '../components';
import { followRun, openRun } from '../follow-run';
import type { ITold } from '../follow-run';
import type { LiveProject } from '../state/live';
import { pathInProject } from '../state/path';
import { asRequestError } from '../state/resource';
import type { IProjectModel } from '../tokens';
import { askCommit } from './commit';
import { refOf } from './lines';

export interface ICommitterOptions {
  app: JupyterFrontEnd;
  projects: IProjectModel;
  browser: IDefaultFileBrowser | null;
  serverRoot: string;
  trans: TranslationBundle;
}

/** The one file or folder that is selected in the file browser. */
export function selectedPath(browser: IDefaultFileBrowser | null): string | null {
  const selected = [...(browser?.selectedItems() ?? [])];
  return selected.length === 1 ? selected[0].path : null;
}

/** *Commit as dataset…*: asks for a name, starts the commit, tells when it is done or refused. */
export class Committer {
  constructor(private _options: ICommitterOptions) {}

  /** Commit what is selected in the file browser. */
  async commitSelected(): Promise<void> {
    const { browser, trans } = this._options;
    const selected = selectedPath(browser);
    if (selected === null) {
      Notification.info(trans.__('Select one file or folder in the file browser first.'), TOLD);
      return;
    }
    try {
      const found = await this._find(selected);
      if (found !== null) {
        await this._ask(found.live, found.path);
      }
    } catch (error) {
      Notification.error(trans.__('That did not work: %1', asRequestError(error).message), TOLD);
    }
  }

  /** The project that a contents path belongs to, and the path inside it. */
  private async _find(contents: string): Promise<{ live: LiveProject; path: string } | null> {
    const { app, projects, serverRoot, trans } = this._options;
    const local = app.serviceManager.contents.localPath(contents);
    const { current } = await projects.client.projects(local);
    const path =
      current === null ? null : pathInProject(local, current.path, current.directory, serverRoot);
    if (current === null || path === null || path === '') {
      Notification.warning(
        trans.__(
          '%1 belongs to no project yet. Datasets are kept in a project: make its folder one first.',
          local
        ),
        {
          ...TOLD,
          actions: [
            {
              label: trans.__('Make a project'),
              callback: () => void app.commands.execute(CommandIDs.createProject)
            }
          ]
        }
      );
      return null;
    }
    return { live: projects.of(current.key), path };
  }

  private async _ask(live: LiveProject, path: string): Promise<void> {
    const { trans } = this._options;
    const client = new DataClient(live.client);
    const names = (await client.datasets()).datasets.map(({ name }) => name);
    const started = await askCommit({
      path,
      names,
      commit: async request => ({ id: await client.commit(request), name: request.name }),
      trans
    });
    if (started !== null) {
      this._follow(live, started.id, started.name);
    }
  }

  /** Stay with the run until it has ended, and tell how. */
  private _follow(live: LiveProject, id: string, name: string): void {
    const { app, trans } = this._options;
    followRun({
      live,
      id,
      commands: app.commands,
      trans,
      working: run =>
        trans.__('Committing %1', name) + (run === null ? '' : progressText(run, trans)),
      ended: (run, error) => this._ended(live, { id, run, error }, name)
    });
  }

  /** How a commit ended, in a sentence, and what can be opened. */
  private async _ended(
    live: LiveProject,
    { id, run, error }: { id: string; run: IRunDetail | null; error: Error | null },
    name: string
  ): Promise<ITold> {
    const { trans } = this._options;
    if (run === null || run.status !== 'finished') {
      const why = run?.error?.message ?? run?.reason ?? run?.status ?? error?.message ?? '';
      const message =
        run === null
          ? trans.__('How the commit of %1 ended cannot be read: %2', name, why)
          : trans.__('%1 was not committed: %2', name, why);
      const actions = [openRun(this._options.app.commands, trans, live.key, id)];
      return { type: 'error', message, autoClose: false, actions };
    }
    const client = new DataClient(live.client);
    const made = await this._madeBy(live, client, id, name);
    const refused = made?.state === 'blocked';
    const open = {
      label: trans.__('Open'),
      callback: () =>
        void this._options.app.commands.execute(CommandIDs.openDataset, {
          project: live.key,
          name,
          ...(made !== null && { version: made.version })
        })
    };
    return {
      type: refused ? 'warning' : 'success',
      message: refused
        ? await this._whyBlocked(client, name, made)
        : made === null
          ? trans.__('%1 is committed', name)
          : made.run?.id === id
            ? trans.__('%1 %2 is committed', name, made.version)
            : trans.__('Nothing new: its content is %1 %2 already', name, made.version),
      autoClose: refused ? false : 8_000,
      actions: [open]
    };
  }

  /** The version that a run committed; its content may have been a version before. */
  private async _madeBy(
    live: LiveProject,
    client: DataClient,
    run: string,
    name: string
  ): Promise<IDatasetVersionRow | null> {
    try {
      const node = `run:${run}`;
      const [{ versions }, { edges }] = await Promise.all([
        client.dataset(name),
        readLineage(live.client, node, 1)
      ]);
      const made = edges.filter(edge => edge.source === node).map(edge => edge.target);
      return versions.find(one => made.includes(`dataset:${refOf(name, one.version)}`)) ?? null;
    } catch {
      return null; // It is committed all the same.
    }
  }

  /** The check that refused it, in its own words. */
  private async _whyBlocked(
    client: DataClient,
    name: string,
    made: IDatasetVersionRow
  ): Promise<string> {
    const { trans } = this._options;
    const detail = await client.version(name, made.version).catch(() => null);
    const checks = detail?.reports.flatMap(report => report.checks) ?? [];
    const check = checks.find(one => one.state !== 'passed' && one.severity === 'block');
    const suite = made.checks.find(one => one.state === 'blocked')?.suite ?? '';
    return check === undefined
      ? trans.__('%1 %2 is kept, but blocked by the suite %3.', name, made.version, suite)
      : trans.__('%1 %2 is kept, but blocked: %3', name, made.version, check.sentence);
  }
}

/** How far it is, by the bytes that the run logs. */
export function progressText({ metrics }: IRunDetail, trans: TranslationBundle): string {
  const last = (key: string): number => Number(metrics.find(one => one.key === key)?.last ?? 0);
  const [done, total] = [last('system/bytes'), last('system/bytes_total')];
  return total > 0 ? trans.__(': %1 of %2', formatBytes(done), formatBytes(total)) : '';
}
