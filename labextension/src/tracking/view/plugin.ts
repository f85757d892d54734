import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer, IRouter } from '@jupyterlab/application';
import type { MainAreaWidget } from '@jupyterlab/apputils';
import { Clipboard, ICommandPalette, Notification, WidgetTracker } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { Menu } from '@lumino/widgets';
import { CATEGORY, CommandIDs, runArgs, TOLD } from '../../commands';
import { followLinks } from '../../links';
import { openMenu } from '../../menu';
import { panelOf, showPanel } from '../../model-widget';
import { showLine } from '../../show-line';
import { asRequestError } from '../../state/resource';
import { IProjectModel } from '../../tokens';
import { translateBy } from '../../translate';
import type { IRunActions } from './actions';
import { isLive } from './load';
import { RUN_TABS, RunModel } from './model';
import type { RunTab } from './model';
import { RunWidget, runWidgetId } from './widget';

type RunPanel = MainAreaWidget<RunWidget>;

/** The run view: its command, its place in the saved layout, its links. */
export const runViewPlugin: JupyterFrontEndPlugin<void> = {
  id: 'mlops-lab:run-view',
  description: 'A run in the main area: metrics, artifacts, notebook, steps and gates, live.',
  autoStart: true,
  requires: [IProjectModel, IRenderMimeRegistry],
  optional: [ILayoutRestorer, ICommandPalette, IRouter, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjectModel,
    rendermime: IRenderMimeRegistry,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    router: IRouter | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('mlops_lab');
    const tracker = new WidgetTracker<RunPanel>({ namespace: 'mlops-lab-run' });
    const open = (project: string, id: string, tab?: RunTab): RunPanel =>
      panelOf(tracker, runWidgetId(project, id), () => {
        const live = projects.of(project);
        const model = new RunModel(live, id, tab);
        return new RunWidget({
          model,
          actions: actionsOf(app, model),
          services: { client: live.client, rendermime },
          translate: translateBy(trans)
        });
      });
    addCommands(app, { projects, tracker, open, trans });
    palette?.addItem({ command: CommandIDs.openRun, category: CATEGORY });
    palette?.addItem({ command: CommandIDs.stopRun, category: CATEGORY });
    void restorer?.restore(tracker, {
      command: CommandIDs.openRun,
      args: ({ content: { model } }) => ({
        project: model.project.key,
        id: model.id,
        tab: model.tab
      }),
      name: ({ content: { model } }) => `${model.project.key}/${model.id}`
    });
    if (router !== null) {
      followLinks(app, router, 'run', (project, id) =>
        app.commands.execute(CommandIDs.openRun, { project, id })
      );
    }
  }
};

interface IContext {
  projects: IProjectModel;
  tracker: WidgetTracker<RunPanel>;
  open: (project: string, id: string, tab?: RunTab) => RunPanel;
  trans: TranslationBundle;
}

function addCommands(app: JupyterFrontEnd, context: IContext): void {
  const { projects, tracker, open, trans } = context;
  const { commands, shell } = app;
  /** The run that a command is about: of its arguments, else the one in front. */
  const subject = (args: Readonly<Record<string, unknown>>) => {
    const { project, id } = runArgs(args);
    const front = shell.currentWidget === tracker.currentWidget ? tracker.currentWidget : null;
    const model = front?.content.model;
    return {
      project: project ?? (id === undefined ? model?.project.key : undefined) ?? projects.key,
      id: id ?? model?.id ?? null,
      run: id === undefined ? (model?.run ?? null) : null
    };
  };

  commands.addCommand(CommandIDs.openRun, {
    label: trans.__('Open Run'),
    caption: trans.__('Show a run in the main area'),
    isVisible: args => args.id !== undefined,
    execute: async args => {
      const { project, id } = subject(args);
      if (project === null || id === null) {
        await commands.execute(CommandIDs.openSidebar);
        return;
      }
      const tab = RUN_TABS.find(one => one === args.tab);
      const panel = open(project, id, tab);
      if (tab !== undefined) {
        panel.content.model.show(tab);
      }
      showPanel(shell, panel);
    }
  });

  commands.addCommand(CommandIDs.openSource, {
    label: args =>
      trans.__(
        'Open %1',
        String(args.path ?? '')
          .split('/')
          .pop() ?? ''
      ),
    isEnabled: args => contentsPath(projects, args) !== null,
    execute: async args => {
      const path = contentsPath(projects, args);
      const opened: unknown = await commands.execute('docmanager:open', { path });
      if (typeof args.line === 'number') {
        await showLine(opened, args.line, typeof args.column === 'number' ? args.column : 1);
      }
    }
  });

  commands.addCommand(CommandIDs.stopRun, {
    label: args =>
      args.id === undefined ? trans.__('Stop the Run in Front') : trans.__('Stop Run'),
    caption: trans.__('Ask a run to stop; it ends as killed'),
    isVisible: args => subject(args).id !== null,
    isEnabled: args => {
      const { id, run } = subject(args);
      return id !== null && (run === null || (isLive(run) && run.can_cancel));
    },
    execute: async args => {
      const { project, id } = subject(args);
      if (project === null || id === null) {
        return false;
      }
      try {
        await projects.of(project).client.cancel(id);
        return true;
      } catch (error) {
        const why = asRequestError(error).message;
        Notification.error(trans.__('The run cannot be stopped: %1', why), TOLD);
        return false;
      }
    }
  });
}

/** Where a file of a project is for the contents manager; null outside the server's root. */
function contentsPath(
  projects: IProjectModel,
  args: Readonly<Record<string, unknown>>
): string | null {
  const { project: key, path } = args;
  const project = [projects.project, ...projects.projects].find(one => one?.key === key);
  return typeof path === 'string' && project?.path !== undefined && project.path !== null
    ? PathExt.join(project.path, path)
    : null;
}

/** What the view's own buttons do: commands, so that menus, keys and buttons agree. */
function actionsOf(app: JupyterFrontEnd, model: RunModel): IRunActions {
  const { commands } = app;
  const about = { project: model.project.key, id: model.id };
  const run = (command: string, args = {}) => {
    if (commands.hasCommand(command)) {
      void commands.execute(command, { ...about, ...args });
    }
  };
  return {
    open: id => run(CommandIDs.openRun, { id }),
    rename: () => run(CommandIDs.renameRun),
    star: () => run(CommandIDs.starRun),
    stop: async () => (await commands.execute(CommandIDs.stopRun, about)) === true,
    rerun: path => {
      const params = Object.fromEntries(
        (model.run?.params ?? []).map(({ key, value }) => [key, value])
      );
      run(CommandIDs.runPipeline, { path, params });
    },
    restore: () => {
      void model.project.client.restore([model.id]).then(() => model.data.refresh());
    },
    copyId: () => Clipboard.copyToSystem(model.id),
    openInput: (kind, name, version) =>
      run(kind === 'dataset' ? CommandIDs.openDataset : CommandIDs.openModel, { name, version }),
    register: id => run(CommandIDs.registerModel, { id }),
    report: () => run(CommandIDs.makeReport, { what: [`run:${model.id}`] }),
    menu: at => openMenu(commands, at, menu => fillMenu(menu, commands, model, about))
  };
}

function fillMenu(
  menu: Menu,
  commands: CommandRegistry,
  model: RunModel,
  args: { project: string; id: string }
): void {
  const add = (...names: string[]) => {
    for (const command of names.filter(name => commands.hasCommand(name))) {
      menu.addItem({ command, args });
    }
  };
  add(CommandIDs.renameRun, CommandIDs.starRun, CommandIDs.tagRun, CommandIDs.noteRun);
  menu.addItem({ type: 'separator' });
  add(CommandIDs.registerModel);
  menu.addItem({ type: 'separator' });
  add(CommandIDs.copyRunId, CommandIDs.copyRunLine, CommandIDs.copyRunLink);
  const source = model.run?.source.pipeline ?? model.run?.source.notebook;
  if (source) {
    menu.addItem({ type: 'separator' });
    menu.addItem({ command: CommandIDs.openSource, args: { ...args, path: source } });
  }
  menu.addItem({ type: 'separator' });
  add(CommandIDs.deleteRun);
}
