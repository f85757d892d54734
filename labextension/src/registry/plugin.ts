import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer, IRouter } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';
import { CATEGORY, CommandIDs } from '../commands';
import { modelIcon } from '../icons';
import { followLinks } from '../links';
import { panelOf, showPanel } from '../model-widget';
import { openNode } from '../nodes';
import { insertLines } from '../notebook/insert';
import { IProjectModel } from '../tokens';
import { translateBy } from '../translate';
import { parseRef } from '../views/registry/state';
import { RegistryModel, selectionOf } from './model';
import type { IRegistryActions } from './model';
import { RegistryWidget, registryWidgetId } from './widget';

type RegistryPanel = MainAreaWidget<RegistryWidget>;

/** The registry browser: its command, its place in the saved layout, its links. */
export const registryViewPlugin: JupyterFrontEndPlugin<void> = {
  id: 'mlops-lab:registry-view',
  description: 'The models of a project in the main area, and what is decided about them.',
  autoStart: true,
  requires: [IProjectModel],
  optional: [ILayoutRestorer, ICommandPalette, IRouter, INotebookTracker, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjectModel,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    router: IRouter | null,
    notebooks: INotebookTracker | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('mlops_lab');
    const tracker = new WidgetTracker<RegistryPanel>({ namespace: 'mlops-lab-models' });
    const open = (project: string): RegistryPanel =>
      panelOf(tracker, registryWidgetId(project), () => {
        const actions = actionsOf(app, projects, project, notebooks);
        const model = new RegistryModel(projects.of(project), actions, trans);
        return new RegistryWidget(model, translateBy(trans));
      });
    addCommand(app, projects, open, trans);
    palette?.addItem({ command: CommandIDs.openModel, category: CATEGORY });
    void restorer?.restore(tracker, {
      command: CommandIDs.openModel,
      args: ({ content: { model } }) => ({
        project: model.project.key,
        ...(model.selection.model !== null && { name: model.selection.model }),
        ...(model.selection.version !== null && { version: model.selection.version })
      }),
      name: ({ content: { model } }) => model.project.key
    });
    if (router !== null) {
      followLinks(app, router, 'model', (project, ref) =>
        app.commands.execute(CommandIDs.openModel, { project, ...(parseRef(ref) ?? { name: ref }) })
      );
    }
  }
};

function addCommand(
  app: JupyterFrontEnd,
  projects: IProjectModel,
  open: (project: string) => RegistryPanel,
  trans: TranslationBundle
): void {
  const { commands, shell } = app;
  commands.addCommand(CommandIDs.openModel, {
    label: trans.__('Open Models'),
    caption: trans.__('Show the models of the project, and what is decided about them'),
    icon: modelIcon,
    execute: async args => {
      const project = typeof args.project === 'string' ? args.project : projects.key;
      if (project === null) {
        await commands.execute(CommandIDs.openSidebar);
        return;
      }
      const panel = open(project);
      const change = selectionOf(args);
      if (change !== null) {
        panel.content.model.select(change);
      }
      showPanel(shell, panel);
    }
  });
}

function actionsOf(
  app: JupyterFrontEnd,
  projects: IProjectModel,
  project: string,
  notebooks: INotebookTracker | null
): IRegistryActions {
  const { commands } = app;
  return {
    open: node => openNode(commands, project, node),
    report: what => void commands.execute(CommandIDs.makeReport, { project, what: [what] }),
    insert: line => {
      if (notebooks !== null) {
        void insertLines(app, notebooks, line, projects.folder);
      }
    }
  };
}
