import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CATEGORY, CommandIDs } from '../commands';
import { datasetIcon } from '../icons';
import { dragLines } from '../notebook/drag';
import { askWhileOpen } from '../model-widget';
import { foldsOf } from '../state/folds';
import { IProjectModel, ISidebar } from '../tokens';
import { addDataCommands, PALETTE } from './commands';
import { Committer, selectedPath } from './committer';
import { DatasetsModel } from './model';
import { DataSection } from './section';
import type { IDataActions } from './section';
import { datasetInFront } from './view/plugin';

/** Where it is kept whether the section is folded. */
const STATE = 'mlops-lab:sidebar-data';

/** The data in the sidebar, its commands, and *Commit as dataset…* in the file browser. */
export const dataPlugin: JupyterFrontEndPlugin<void> = {
  id: 'mlops-lab:data',
  description: 'The datasets in the MLOps Lab sidebar, and committing files as datasets.',
  autoStart: true,
  requires: [IProjectModel, ISidebar],
  optional: [INotebookTracker, IDefaultFileBrowser, ICommandPalette, IStateDB, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjectModel,
    sidebar: ISidebar,
    notebooks: INotebookTracker | null,
    browser: IDefaultFileBrowser | null,
    palette: ICommandPalette | null,
    state: IStateDB | null,
    translator: ITranslator | null
  ): void => {
    const { commands } = app;
    const trans = (translator ?? nullTranslator).load('mlops_lab');
    const model = new DatasetsModel(projects, trans);
    askWhileOpen(sidebar, model);
    const folds = foldsOf(state, STATE, app.restored);

    addDataCommands(app, model, notebooks, () => datasetInFront(app));
    const serverRoot = PageConfig.getOption('serverRoot');
    const committer = new Committer({ app, projects, browser, serverRoot, trans });
    commands.addCommand(CommandIDs.commitDataset, {
      label: args =>
        args.fromBrowser
          ? trans.__('Commit as Dataset…')
          : trans.__('Commit Selection as Dataset…'),
      caption: trans.__('Keep the content of this file or folder as a version of a dataset'),
      icon: args => (args.fromBrowser ? datasetIcon : undefined),
      isVisible: args => !args.fromBrowser || selectedPath(browser) !== null,
      execute: () => committer.commitSelected()
    });
    PALETTE.forEach(command => palette?.addItem({ command, category: CATEGORY }));

    const actions: IDataActions = {
      open: (name, version) =>
        void commands.execute(CommandIDs.openDataset, {
          project: projects.key,
          name,
          ...(version !== null && { version })
        }),
      insert: subject =>
        void commands.execute(CommandIDs.insertDataset, { project: projects.key, ...subject }),
      press: (event, lines, label) => dragLines(event, notebooks, { lines, label })
    };
    sidebar.add({
      area: 'body',
      rank: 20,
      render: () => <DataSection model={model} folds={folds} actions={actions} />
    });
  }
};
