import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CATEGORY, CommandIDs, runArgs } from '../commands';
import { modelIcon } from '../icons';
import { dragLines } from '../notebook/drag';
import { insertLines } from '../notebook/insert';
import { askWhileOpen } from '../model-widget';
import { foldsOf } from '../state/folds';
import { IProjectModel, ISidebar } from '../tokens';
import { aliasRef, loadLine, usualRef } from './lines';
import { ModelsModel } from './models';
import { registerRun } from './register';
import { ModelsSection } from './section';
import type { IModelsActions } from './section';

/** Where it is kept whether the section is folded. */
const STATE = 'mlops-lab:sidebar-models';

/** The models in the sidebar, and the commands that make and use versions. */
export const registryPlugin: JupyterFrontEndPlugin<void> = {
  id: 'mlops-lab:registry',
  description: 'The models in the MLOps Lab sidebar, registering a run, inserting a model.',
  autoStart: true,
  requires: [IProjectModel, ISidebar],
  optional: [INotebookTracker, ICommandPalette, IStateDB, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjectModel,
    sidebar: ISidebar,
    notebooks: INotebookTracker | null,
    palette: ICommandPalette | null,
    state: IStateDB | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('mlops_lab');
    const model = new ModelsModel(projects, trans);
    askWhileOpen(sidebar, model);
    const folds = foldsOf(state, STATE, app.restored);
    addCommands(app, model, notebooks);
    palette?.addItem({ command: CommandIDs.insertModel, category: CATEGORY });
    const { commands } = app;
    const actions: IModelsActions = {
      open: name =>
        void commands.execute(CommandIDs.openModel, {
          project: projects.key,
          ...(name !== null && { name })
        }),
      insert: ref => void commands.execute(CommandIDs.insertModel, { ref }),
      press: (event, lines, label) => dragLines(event, notebooks, { lines, label })
    };
    sidebar.add({
      area: 'body',
      rank: 30,
      render: () => <ModelsSection model={model} folds={folds} actions={actions} />
    });
  }
};

function addCommands(
  app: JupyterFrontEnd,
  model: ModelsModel,
  notebooks: INotebookTracker | null
): void {
  const { commands } = app;
  const { trans, projects } = model;
  commands.addCommand(CommandIDs.openFocusedModel, {
    label: trans.__('Open Model'),
    icon: modelIcon,
    isEnabled: () => model.find(model.focused) !== undefined,
    execute: () =>
      commands.execute(CommandIDs.openModel, { project: projects.key, name: model.focused })
  });
  /** The version to insert: of the arguments, else the usual one of the model with the keyboard. */
  const refOf = (args: Readonly<Record<string, unknown>>): string | null => {
    if (typeof args.ref === 'string') {
      return args.ref;
    }
    if (typeof args.name === 'string' && typeof args.alias === 'string') {
      return aliasRef(args.name, args.alias);
    }
    const row = model.find(typeof args.name === 'string' ? args.name : model.focused);
    return row === undefined ? null : usualRef(row);
  };
  commands.addCommand(CommandIDs.insertModel, {
    label: trans.__('Insert Model Load Cell'),
    caption: trans.__('Put the line that loads this model into the notebook'),
    isVisible: () => notebooks !== null,
    isEnabled: args => refOf(args) !== null,
    execute: async args => {
      const ref = refOf(args);
      if (notebooks !== null && ref !== null) {
        await insertLines(app, notebooks, loadLine(ref), projects.folder);
      }
    }
  });
  commands.addCommand(CommandIDs.registerModel, {
    label: trans.__('Register Model…'),
    caption: trans.__('Make a version of a model that this run has logged'),
    icon: modelIcon,
    isVisible: args => runArgs(args).id !== undefined,
    execute: async args => {
      const { project = projects.key, id } = runArgs(args);
      if (project === null || id === undefined) {
        return;
      }
      const made = await registerRun(projects.of(project), id, trans);
      if (made !== null) {
        const { name, version } = made;
        Notification.success(trans.__('%1 %2 is registered', name, version.version), {
          autoClose: 8_000,
          actions: [
            {
              label: trans.__('Open'),
              callback: () =>
                void commands.execute(CommandIDs.openModel, {
                  project,
                  name,
                  version: version.version
                })
            }
          ]
        });
      }
    }
  });
}
