import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import {
  Clipboard,
  ICommandPalette,
  IToolbarWidgetRegistry,
  Notification
} from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IStateDB } from '@jupyterlab/statedb';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { CATEGORY, CommandIDs, TOLD } from '../commands';
import { openMenu } from '../menu';
import { askWhileOpen } from '../model-widget';
import { insertCell } from '../notebook/insert';
import { Folds } from '../state/folds';
import { IProjectModel, ISidebar } from '../tokens';
import { Bottom } from './bottom';
import { ChipWidget } from './chip-widget';
import { RunsModel } from './model';
import { addRunCommands, PALETTE } from './run-commands';
import { SearchBox } from './search-box';
import type { ITrackingActions } from './section';
import { EXAMPLE, TrackingSections } from './section';
import { StatusWidget } from './status-item';

/** What can be decided about an alert that waits. */
const ON_ALERTS = [CommandIDs.acknowledgeAlert, CommandIDs.muteAlert, CommandIDs.resolveAlert];

/** Where the sidebar's own layout is kept. */
const STATE = 'mlops-lab:sidebar';

/** The runs in the sidebar: search, *This notebook*, *Needs you*, *Runs*, and their commands. */
export const runsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'mlops-lab:runs',
  description: 'The runs of the current project in the MLOps Lab sidebar.',
  autoStart: true,
  requires: [IProjectModel, ISidebar],
  optional: [INotebookTracker, ICommandPalette, IStateDB, ITranslator],
  activate: (
    app,
    projects: IProjectModel,
    sidebar: ISidebar,
    notebooks: INotebookTracker | null,
    palette: ICommandPalette | null,
    state: IStateDB | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('mlops_lab');
    const serverRoot = PageConfig.getOption('serverRoot');
    const model = new RunsModel({ projects, trans, serverRoot });
    const folds = new Folds();
    askWhileOpen(sidebar, model);
    folds.changed.connect(() => {
      model.folded = folds.has('runs');
    });
    followNotebook(app, model, notebooks);
    countNeeds(model, sidebar);
    void restoreLayout(app, state, model, folds);

    addRunCommands(app, model, () => sidebar.isVisible);
    addNotebookCommands(app, model, notebooks);
    PALETTE.forEach(command => palette?.addItem({ command, category: CATEGORY }));

    const actions = actionsOf(app, model);
    sidebar.add({
      area: 'top',
      rank: 10,
      render: () => <SearchBox model={model} onLeave={() => focusRows(sidebar.id)} />
    });
    sidebar.add({
      area: 'body',
      rank: 10,
      render: () => <TrackingSections model={model} folds={folds} actions={actions} />
    });
    sidebar.add({
      area: 'bottom',
      rank: 10,
      render: () => (
        <Bottom
          model={model}
          showKeys={actions.showKeys}
          deleteSelected={() => void app.commands.execute(CommandIDs.deleteRun)}
        />
      )
    });
  }
};

/** The run of a notebook in its toolbar. */
export const chipPlugin: JupyterFrontEndPlugin<void> = {
  id: 'mlops-lab:notebook-chip',
  description: "The active run in the notebook's toolbar.",
  autoStart: true,
  requires: [IProjectModel, IToolbarWidgetRegistry],
  optional: [ITranslator],
  activate: (
    app,
    projects: IProjectModel,
    toolbars: IToolbarWidgetRegistry,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('mlops_lab');
    const serverRoot = PageConfig.getOption('serverRoot');
    const { contents } = app.serviceManager;
    toolbars.addFactory<NotebookPanel>(
      'Notebook',
      'mlops-lab-run',
      panel =>
        new ChipWidget({
          panel,
          projects,
          serverRoot,
          trans,
          localPath: path => contents.localPath(path),
          open: (project, id) => void app.commands.execute(CommandIDs.openRun, { project, id }),
          stop: one => void interrupt(one)
        })
    );
  }
};

/** The project and what runs in it, in the status bar. */
export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: 'mlops-lab:status',
  description: 'What runs in the current MLOps Lab project, in the status bar.',
  autoStart: true,
  requires: [IProjectModel, IStatusBar],
  optional: [ITranslator],
  activate: (
    app,
    projects: IProjectModel,
    statusBar: IStatusBar,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('mlops_lab');
    const open = (): void => void app.commands.execute(CommandIDs.openSidebar);
    const item = new StatusWidget({ projects, trans, open });
    statusBar.registerStatusItem('mlops-lab', { item, align: 'left', rank: 20 });
  }
};

function actionsOf(app: JupyterFrontEnd, model: RunsModel): ITrackingActions {
  const { commands } = app;
  const project = (): string => model.projects.key ?? '';
  return {
    open: id => void commands.execute(CommandIDs.openRun, { project: project(), id }),
    review: ({ model: name, version, alias: review }) =>
      void commands.execute(CommandIDs.openModel, { project: project(), name, version, review }),
    explain: ({ monitor: name, alert }) =>
      void commands.execute(CommandIDs.openMonitor, { project: project(), name, alert }),
    resolve: ({ alert: id }) =>
      void commands.execute(CommandIDs.resolveAlert, { project: project(), id }),
    decide: ({ alert: id }, at) =>
      openMenu(commands, at, menu => {
        for (const command of ON_ALERTS) {
          menu.addItem({ command, args: { project: project(), id } });
        }
      }),
    stop: run =>
      void (run.kind === 'training'
        ? commands.execute(CommandIDs.stopNotebookRun)
        : commands.execute(CommandIDs.stopRun, { project: project(), id: run.id })),
    showKeys: () => void commands.execute(CommandIDs.showKeys),
    insertExample: () => void commands.execute(CommandIDs.insertExample),
    createExample: async () => {
      await commands.execute(CommandIDs.createExample);
    },
    copy: text => Clipboard.copyToSystem(text)
  };
}

function addNotebookCommands(
  app: JupyterFrontEnd,
  model: RunsModel,
  notebooks: INotebookTracker | null
): void {
  const { trans } = model;
  app.commands.addCommand(CommandIDs.insertExample, {
    label: trans.__('Insert Example into Notebook'),
    caption: trans.__('Three lines that make a run'),
    isVisible: () => notebooks !== null,
    execute: async () => {
      if (notebooks !== null) {
        await insertCell(app, notebooks, EXAMPLE, model.projects.folder);
      }
    }
  });
  app.commands.addCommand(CommandIDs.stopNotebookRun, {
    label: trans.__('Stop the Run of This Notebook'),
    caption: trans.__('Interrupts the kernel; the run ends as killed'),
    isEnabled: () => Boolean(model.card?.value?.active),
    execute: async () => {
      if (notebooks?.currentWidget) {
        await interrupt(notebooks.currentWidget);
      }
    }
  });
}

/** Stop what a notebook's kernel does: its run ends by the KeyboardInterrupt. */
async function interrupt(panel: NotebookPanel): Promise<void> {
  try {
    await panel.sessionContext.session?.kernel?.interrupt();
  } catch (error) {
    Notification.error(error instanceof Error ? error.message : String(error), TOLD);
  }
}

function followNotebook(
  app: JupyterFrontEnd,
  model: RunsModel,
  notebooks: INotebookTracker | null
): void {
  const { contents } = app.serviceManager;
  const follow = (): void => {
    const path = notebooks?.currentWidget?.context.path;
    model.notebook = path === undefined ? null : contents.localPath(path);
  };
  notebooks?.currentChanged.connect((_, panel) => {
    panel?.context.pathChanged.connect(follow);
    follow();
  });
  follow();
}

/** Keep the number on the sidebar's icon. */
function countNeeds(model: RunsModel, sidebar: ISidebar): void {
  let needs = model.needs;
  const count = (): void => {
    sidebar.badge = model.needs?.value?.items.length ?? 0;
  };
  const follow = (): void => {
    if (model.needs !== needs) {
      needs = model.needs;
      needs?.changed.connect(count);
    }
    count();
  };
  needs?.changed.connect(count);
  model.changed.connect(follow);
}

/** Bring back, and from then on keep, what is folded and how the runs are ordered. */
async function restoreLayout(
  app: JupyterFrontEnd,
  state: IStateDB | null,
  model: RunsModel,
  folds: Folds
): Promise<void> {
  if (state === null) {
    return;
  }
  const [saved] = await Promise.all([state.fetch(STATE), app.restored]);
  const { folded, order } = (saved ?? {}) as ReadonlyPartialJSONObject;
  if (Array.isArray(folded)) {
    folded.forEach(id => typeof id === 'string' && folds.set(id, true));
  }
  if (order === 'best') {
    model.sortBy(order);
  }
  let kept = '';
  const keep = (): void => {
    const now = { folded: [...folds.ids], order: model.order };
    if (JSON.stringify(now) !== kept) {
      kept = JSON.stringify(now);
      void state.save(STATE, now);
    }
  };
  folds.changed.connect(keep);
  model.changed.connect(keep);
}

function focusRows(id: string): void {
  const panel = document.getElementById(id);
  const row = panel?.querySelector<HTMLElement>('.jp-MlopsLab-runrow[tabindex="0"]');
  (row ?? panel)?.focus();
}
