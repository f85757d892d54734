import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { IRunningSessionManagers } from '@jupyterlab/running';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CATEGORY, CommandIDs } from '../commands';
import { pipelineIcon } from '../icons';
import { IProjectModel } from '../tokens';
import { PipelineRunner, pipelineArgs, selectedPipeline } from './run-pipeline';
import { RunningWork } from './running';

/** JupyterLab's own *Running* panel; looked up in the page because it may be anywhere, or closed. */
const RUNNING_PANEL = '#jp-running-sessions';

/** Running pipelines: the command, and the running work in JupyterLab's own panel. */
export const pipelinesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'mlops-lab:pipelines',
  description: 'Runs pipelines from the file browser, and lists running work beside the kernels.',
  autoStart: true,
  requires: [IProjectModel],
  optional: [IDefaultFileBrowser, IRunningSessionManagers, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjectModel,
    browser: IDefaultFileBrowser | null,
    managers: IRunningSessionManagers | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('mlops_lab');
    const runner = new PipelineRunner({ app, projects, browser, trans });
    app.commands.addCommand(CommandIDs.runPipeline, {
      label: trans.__('Run Pipeline…'),
      caption: trans.__('Run the notebooks of a pipeline headlessly, and follow the run'),
      icon: args => (args.fromBrowser ? pipelineIcon : undefined),
      isVisible: args => !args.fromBrowser || selectedPipeline(browser) !== null,
      execute: args => runner.run(pipelineArgs(args), args.fromBrowser === true)
    });
    palette?.addItem({ command: CommandIDs.runPipeline, category: CATEGORY });
    if (managers !== null) {
      const looking = (): boolean =>
        Boolean(document.querySelector<HTMLElement>(RUNNING_PANEL)?.offsetParent);
      const work = new RunningWork({ projects, commands: app.commands, trans, looking });
      managers.add(work);
      // The panel says nothing when it is shown or hidden; the shell's layout does.
      (
        app.shell as { layoutModified?: { connect(slot: () => void): void } }
      ).layoutModified?.connect(() => work.look());
      void app.restored.then(() => work.look());
    }
  }
};
