import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDatasetVersionRow, ICommitRequest } from '../api/data';
import { DataClient } from '../api/data';
import { readLineage } from '../api/lineage';
import type { IRunDetail } from '../api/types';
import { CommandIDs, TOLD } from '../commands';
import type { LiveProject } from '../state/live';
import { pathInProject } from '../state/path';
import { asRequestError } from '../state/resource';
import type { IProjectModel } from '../tokens';
import { askCommit, proposedName } from './commit';
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

  /** Ask until it starts or the person gives up; what was typed stays. */
  private async _ask(live: LiveProject, path: string): Promise<void> {
    const { trans } = this._options;
    const client = new DataClient(live.client);
    const names = (await client.datasets()).datasets.map(({ name }) => name);
    let problem: string | null = null;
    let initial: ICommitRequest = { path, name: proposedName(path) };
    for (;;) {
      const request = await askCommit({ path, initial, names, problem, trans });
      if (request === null) {
        return;
      }
      try {
        const id = await client.commit(request);
        this._follow(live, id, request.name);
        return;
      } catch (error) {
        problem = asRequestError(error).message;
        initial = request;
      }
    }
  }

  /** Stay with the run until it has ended, and tell how. */
  private _follow(live: LiveProject, id: string, name: string): void {
    const { trans } = this._options;
    const notice = Notification.emit(trans.__('Committing %1', name), 'in-progress', {
      autoClose: false,
      actions: [{ label: trans.__('Open run'), callback: () => this._openRun(live.key, id) }]
    });
    const run = live.resource<IRunDetail>({
      load: client => client.run(id),
      concerns: ({ kind, ids }) => kind === 'runs' && (ids === null || ids.includes(id))
    });
    const look = (): void => {
      const status = run.value?.status ?? 'running';
      if (status !== 'running' && status !== 'scheduled' && run.value !== null) {
        const ended = run.value;
        run.dispose();
        live.reload();
        void this._tell(live, ended, name, notice);
      }
    };
    run.changed.connect(look);
  }

  private async _tell(
    live: LiveProject,
    run: IRunDetail,
    name: string,
    notice: string
  ): Promise<void> {
    const { trans } = this._options;
    if (run.status !== 'finished') {
      Notification.update({
        id: notice,
        type: 'error',
        message: trans.__(
          '%1 was not committed: %2',
          name,
          run.error?.message ?? run.reason ?? run.status
        ),
        autoClose: false,
        actions: [{ label: trans.__('Open run'), callback: () => this._openRun(live.key, run.id) }]
      });
      return;
    }
    const client = new DataClient(live.client);
    const made = await this._madeBy(live, client, run.id, name);
    const refused = made?.state === 'blocked';
    Notification.update({
      id: notice,
      type: refused ? 'warning' : 'success',
      message: refused
        ? await this._whyBlocked(client, name, made)
        : made === null
          ? trans.__('%1 is committed', name)
          : made.run?.id === run.id
            ? trans.__('%1 %2 is committed', name, made.version)
            : trans.__('Nothing new: its content is %1 %2 already', name, made.version),
      autoClose: refused ? false : 8_000,
      actions: [
        {
          label: trans.__('Open'),
          callback: () =>
            void this._options.app.commands.execute(CommandIDs.openDataset, {
              project: live.key,
              name,
              ...(made !== null && { version: made.version })
            })
        }
      ]
    });
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

  private _openRun(project: string, id: string): void {
    void this._options.app.commands.execute(CommandIDs.openRun, { project, id });
  }
}
