import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer, IRouter } from '@jupyterlab/application';
import { Clipboard, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Menu } from '@lumino/widgets';
import { CommandIDs } from '../../commands';
import { followLinks } from '../../links';
import { openMenu } from '../../menu';
import { panelOf, showPanel } from '../../model-widget';
import { dragLines } from '../../notebook/drag';
import { IProjectModel } from '../../tokens';
import { translateBy } from '../../translate';
import { parseRef } from '../../views/registry/state';
import { loadExpression, loadLine } from '../lines';
import type { IDataSubject } from '../model';
import type { IDatasetActions } from './actions';
import { DATASET_TABS, DatasetModel } from './model';
import type { IDatasetPlace } from './model';
import { DatasetWidget, datasetWidgetId } from './widget';

type DatasetPanel = MainAreaWidget<DatasetWidget>;

/** The view of a dataset's versions: its commands and its place in the saved layout. */
export const datasetViewPlugin: JupyterFrontEndPlugin<void> = {
  id: 'mlops-lab:dataset-view',
  description: 'A dataset in the main area: profile, checks, diff, lineage, first rows.',
  autoStart: true,
  requires: [IProjectModel],
  optional: [ILayoutRestorer, IRouter, INotebookTracker, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjectModel,
    restorer: ILayoutRestorer | null,
    router: IRouter | null,
    notebooks: INotebookTracker | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('mlops_lab');
    const tracker = new WidgetTracker<DatasetPanel>({ namespace: 'mlops-lab-dataset' });
    const open = (project: string, name: string, place: IDatasetPlace): DatasetPanel =>
      panelOf(tracker, datasetWidgetId(project, name), () => {
        const model = new DatasetModel(projects.of(project), name, place);
        return new DatasetWidget({
          model,
          actions: actionsOf(app, model, notebooks),
          translate: translateBy(trans)
        });
      });
    addCommands(app, projects, open, trans);
    void restorer?.restore(tracker, {
      command: CommandIDs.openDataset,
      args: ({ content: { model } }) => ({
        project: model.project.key,
        name: model.name,
        tab: model.tab,
        ...(model.version !== null && { version: model.version })
      }),
      name: ({ content: { model } }) => `${model.project.key}/${model.name}`
    });
    if (router !== null) {
      followLinks(app, router, 'dataset', (project, ref) =>
        app.commands.execute(CommandIDs.openDataset, {
          project,
          ...(parseRef(ref) ?? { name: ref })
        })
      );
    }
  }
};

/** What the view in front shows; null when another view is in front. */
export function datasetInFront(app: JupyterFrontEnd): IDataSubject | null {
  const model = frontModel(app);
  return model === null
    ? null
    : {
        project: model.project.key,
        name: model.name,
        version: model.version,
        tabular: model.shown === null ? null : model.shown.rows !== null
      };
}

function frontModel(app: JupyterFrontEnd): DatasetModel | null {
  const front = app.shell.currentWidget;
  return front instanceof MainAreaWidget && front.content instanceof DatasetWidget
    ? front.content.model
    : null;
}

function addCommands(
  app: JupyterFrontEnd,
  projects: IProjectModel,
  open: (project: string, name: string, place: IDatasetPlace) => DatasetPanel,
  trans: TranslationBundle
): void {
  const { commands, shell } = app;
  commands.addCommand(CommandIDs.openDataset, {
    label: trans.__('Open Dataset'),
    caption: trans.__('Show a version of a dataset in the main area'),
    execute: async args => {
      const project = typeof args.project === 'string' ? args.project : projects.key;
      if (project === null || typeof args.name !== 'string') {
        await commands.execute(CommandIDs.openSidebar);
        return;
      }
      const version = typeof args.version === 'number' ? args.version : undefined;
      const tab = DATASET_TABS.find(one => one === args.tab);
      const panel = open(project, args.name, { version, tab });
      const { model } = panel.content;
      if (version !== undefined) {
        model.choose(version);
      }
      if (tab !== undefined) {
        model.show(tab);
      }
      showPanel(shell, panel);
    }
  });
  const step = (id: string, label: string, by: -1 | 1): void => {
    commands.addCommand(id, {
      label,
      isEnabled: () => (frontModel(app)?.beside(by) ?? null) !== null,
      execute: () => {
        const model = frontModel(app);
        const to = model?.beside(by) ?? null;
        if (model !== null && to !== null) {
          model.choose(to);
        }
      }
    });
  };
  step(CommandIDs.previousDatasetVersion, trans.__('Previous Version of the Dataset'), -1);
  step(CommandIDs.nextDatasetVersion, trans.__('Next Version of the Dataset'), 1);
}

/** What the view's own buttons do: commands, so that menus, keys and buttons agree. */
function actionsOf(
  app: JupyterFrontEnd,
  model: DatasetModel,
  notebooks: INotebookTracker | null
): IDatasetActions {
  const { commands } = app;
  const project = model.project.key;
  const about = () => ({
    project,
    name: model.name,
    version: model.version,
    tabular: model.shown === null ? null : model.shown.rows !== null
  });
  const run = (command: string, args: Record<string, string | number | boolean | null>): void => {
    if (commands.hasCommand(command)) {
      void commands.execute(command, args);
    }
  };
  return {
    openRun: id => run(CommandIDs.openRun, { project, id }),
    openDataset: (name, version) => run(CommandIDs.openDataset, { project, name, version }),
    openModel: (name, version) => run(CommandIDs.openModel, { project, name, version }),
    openFile: path => run(CommandIDs.openSource, { project, path }),
    insert: () => run(CommandIDs.insertDataset, about()),
    press: event => {
      const { name, version, shown } = model;
      if (version !== null && shown !== null) {
        const lines = loadLine(name, loadExpression(name, version, shown.rows !== null));
        dragLines(event, notebooks, { lines, label: `${name} ${version}` });
      }
    },
    copy: text => Clipboard.copyToSystem(text),
    report: () => {
      if (model.version !== null && commands.hasCommand(CommandIDs.makeReport)) {
        const what = [`dataset:${model.name}@${model.version}`];
        void commands.execute(CommandIDs.makeReport, { project, what });
      }
    },
    menu: at => openMenu(commands, at, menu => fillMenu(menu, about(), model.shown?.aliases ?? []))
  };
}

function fillMenu(
  menu: Menu,
  args: Record<string, string | number | boolean | null>,
  aliases: readonly string[]
): void {
  menu.addItem({ command: CommandIDs.insertDataset, args });
  menu.addItem({ command: CommandIDs.copyDatasetLine, args });
  menu.addItem({ command: CommandIDs.copyDatasetLink, args });
  menu.addItem({ command: CommandIDs.monitorDataset, args });
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.aliasDataset, args });
  for (const alias of aliases) {
    menu.addItem({ command: CommandIDs.removeDatasetAlias, args: { ...args, alias } });
  }
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.deleteDataset, args });
}
