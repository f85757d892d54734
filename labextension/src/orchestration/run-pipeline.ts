import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ProjectClient } from '../api/client';
import type { IPipeline } from '../api/types';
import { CommandIDs, TOLD } from '../commands';
import { asRequestError } from '../state/resource';
import type { IProjectModel } from '../tokens';
import { askPipeline, paramText } from './dialog';

/** Which pipeline file a command is about. */
export interface IPipelineArgs {
  /** The project's key; else the one that the file belongs to, else the current one. */
  project?: string;
  /** The file's path inside the project. */
  path?: string;
  /** Values to begin with. */
  params: Record<string, string>;
}

export function pipelineArgs(args: Readonly<Record<string, unknown>>): IPipelineArgs {
  const params = typeof args.params === 'object' && args.params !== null ? args.params : {};
  return {
    project: typeof args.project === 'string' ? args.project : undefined,
    path: typeof args.path === 'string' ? args.path : undefined,
    params: Object.fromEntries(
      Object.entries(params).map(([key, value]) => [key, paramText(value)])
    )
  };
}

/** A path of the contents manager as a path inside a project; null when it lies outside. */
export function insideProject(path: string, project: string): string | null {
  if (project === '') {
    return path;
  }
  return path.startsWith(`${project}/`) ? path.slice(project.length + 1) : null;
}

/** The pipeline file that is selected in the file browser. */
export function selectedPipeline(browser: IDefaultFileBrowser | null): string | null {
  const selected = [...(browser?.selectedItems() ?? [])];
  const [item] = selected;
  return selected.length === 1 && /\.ya?ml$/i.test(item.name) ? item.path : null;
}

export interface IRunPipelineOptions {
  app: JupyterFrontEnd;
  projects: IProjectModel;
  browser: IDefaultFileBrowser | null;
  trans: TranslationBundle;
}

/** Run a pipeline: find its project, look for faults, ask for params, start it, show the run. */
export class PipelineRunner {
  constructor(private _options: IRunPipelineOptions) {}

  /** Run a file of a project, or the one that is selected in the file browser. */
  async run(args: IPipelineArgs, fromBrowser: boolean): Promise<void> {
    const { trans } = this._options;
    try {
      const found = await this._find(args, fromBrowser);
      if (found !== null) {
        await this._ask(found.client, found.pipelines, args.params);
      }
    } catch (error) {
      Notification.error(
        trans.__('The pipeline cannot be started: %1', asRequestError(error).message),
        TOLD
      );
    }
  }

  /** The project and its pipelines, narrowed to the file that is meant. */
  private async _find(
    args: IPipelineArgs,
    fromBrowser: boolean
  ): Promise<{ client: ProjectClient; pipelines: IPipeline[] } | null> {
    const { projects, browser, trans } = this._options;
    const selected = fromBrowser ? selectedPipeline(browser) : null;
    let key = args.project ?? projects.key;
    let path = args.path;
    if (selected !== null) {
      const { current } = await projects.client.projects(selected);
      if (current === null || current.path === null) {
        Notification.warning(
          trans.__('%1 belongs to no project yet. Run `mlops-lab init` in its folder.', selected),
          TOLD
        );
        return null;
      }
      key = current.key;
      path = insideProject(selected, current.path) ?? selected;
    }
    if (key === null) {
      Notification.warning(trans.__('There is no project here yet.'), TOLD);
      return null;
    }
    const { client } = projects.of(key);
    const { pipelines } = await client.pipelines();
    const meant = path === undefined ? pipelines : pipelines.filter(one => one.path === path);
    if (meant.length === 0) {
      Notification.warning(
        path === undefined
          ? trans.__('This project has no pipeline. A pipeline is a YAML file in pipelines/.')
          : trans.__('%1 is no pipeline: it has no steps.', path),
        TOLD
      );
      return null;
    }
    return { client, pipelines: meant };
  }

  /** Ask until it starts or the person gives up; what was typed stays. */
  private async _ask(
    client: ProjectClient,
    pipelines: readonly IPipeline[],
    params: Readonly<Record<string, string>>
  ): Promise<void> {
    const { app, trans } = this._options;
    let problem: string | null = null;
    let texts = params;
    for (;;) {
      const choice = await askPipeline({ pipelines, params: texts, problem, trans });
      if (choice === null) {
        return;
      }
      try {
        const id = await client.runPipeline(choice.path, choice.params);
        await app.commands.execute(CommandIDs.openRun, { project: client.key, id });
        return;
      } catch (error) {
        problem = asRequestError(error).message;
        texts = Object.fromEntries(
          Object.entries(choice.params).map(([key, value]) => [key, paramText(value)])
        );
      }
    }
  }
}
