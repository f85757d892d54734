import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer, IRouter } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';
import { CATEGORY, CommandIDs } from '../commands';
import { monitorIcon } from '../icons';
import { followLinks } from '../links';
import { panelOf, showPanel } from '../model-widget';
import { openNode } from '../nodes';
import { insertLines } from '../notebook/insert';
import { IProjectModel } from '../tokens';
import type { IInFront } from './commands';
import { MonitorModel } from './model';
import type { IMonitorActions } from './model';
import { MonitorWidget, monitorWidgetId } from './widget';
import type { IMonitorViewActions } from './view';

type MonitorPanel = MainAreaWidget<MonitorWidget>;

/** A monitor in the main area: its command, its place in the saved layout, its links. */
export const monitorViewPlugin: JupyterFrontEndPlugin<void> = {
  id: 'mlops-lab:monitor-view',
  description: 'A monitor in the main area: what drifts, how the model does, its alerts.',
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
    const tracker = new WidgetTracker<MonitorPanel>({ namespace: 'mlops-lab-monitor' });
    const open = (project: string, name: string): MonitorPanel =>
      panelOf(tracker, monitorWidgetId(project, name), () => {
        const actions = hostActions(app, projects, project, notebooks);
        const model = new MonitorModel(projects.of(project), name, actions, trans);
        return new MonitorWidget({ model, actions: viewActions(app, project, name), trans });
      });
    addCommand(app, projects, open, trans);
    palette?.addItem({ command: CommandIDs.openMonitor, category: CATEGORY });
    void restorer?.restore(tracker, {
      command: CommandIDs.openMonitor,
      args: ({ content: { model } }) => ({
        project: model.project.key,
        name: model.name,
        ...(model.run !== null && { run: model.run })
      }),
      name: ({ content: { model } }) => `${model.project.key}/${model.name}`
    });
    if (router !== null) {
      followLinks(app, router, 'monitor', (project, name) =>
        app.commands.execute(CommandIDs.openMonitor, { project, name })
      );
    }
  }
};

/** What the view in front is about; null when another view is in front. */
export function monitorInFront(app: JupyterFrontEnd): IInFront | null {
  const front = app.shell.currentWidget;
  if (!(front instanceof MainAreaWidget) || !(front.content instanceof MonitorWidget)) {
    return null;
  }
  const { project, name, alert } = front.content.model;
  return { project: project.key, name, alert };
}

function addCommand(
  app: JupyterFrontEnd,
  projects: IProjectModel,
  open: (project: string, name: string) => MonitorPanel,
  trans: TranslationBundle
): void {
  const { commands, shell } = app;
  commands.addCommand(CommandIDs.openMonitor, {
    label: trans.__('Open Monitor'),
    caption: trans.__('Show what a monitor found in the main area'),
    icon: monitorIcon,
    execute: async args => {
      const project = typeof args.project === 'string' ? args.project : projects.key;
      if (project === null || typeof args.name !== 'string') {
        // The one that has the keyboard; where none has, the sidebar shows them all.
        const focused = CommandIDs.openFocusedMonitor;
        await commands.execute(commands.isEnabled(focused) ? focused : CommandIDs.openSidebar);
        return;
      }
      const panel = open(project, args.name);
      const { model } = panel.content;
      if (typeof args.run === 'string') {
        model.choose(args.run);
      }
      if (typeof args.alert === 'string') {
        model.explain(args.alert);
      }
      showPanel(shell, panel);
    }
  });
}

function hostActions(
  app: JupyterFrontEnd,
  projects: IProjectModel,
  project: string,
  notebooks: INotebookTracker | null
): IMonitorActions {
  const { commands } = app;
  return {
    open: node => openNode(commands, project, node),
    insert: line => {
      if (notebooks !== null) {
        void insertLines(app, notebooks, line, projects.folder);
      }
    },
    report: what => void commands.execute(CommandIDs.makeReport, { project, what: [what] })
  };
}

/** What the buttons around the view do: commands, so that menus, keys and buttons agree. */
function viewActions(app: JupyterFrontEnd, project: string, name: string): IMonitorViewActions {
  const { commands } = app;
  const about = { project, name };
  return {
    check: () => void commands.execute(CommandIDs.checkMonitor, about),
    edit: (line, column) =>
      void commands.execute(CommandIDs.editMonitor, {
        ...about,
        ...(line !== undefined && { line }),
        ...(column !== undefined && { column })
      }),
    openRun: id => void commands.execute(CommandIDs.openRun, { project, id })
  };
}
