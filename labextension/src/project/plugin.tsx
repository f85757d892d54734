import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Menu } from '@lumino/widgets';
import { LabClient } from '../api/client';
import { CATEGORY, CommandIDs, TOLD } from '../commands';
import { openMenu } from '../menu';
import { ProjectModel } from '../state/project';
import { asRequestError } from '../state/resource';
import { PageVisibility } from '../state/visibility';
import { IProjectModel, ISidebar } from '../tokens';
import { ProjectHeader } from './header';

/** The project that the page is about: the current notebook's folder, else the file browser's. */
export const projectPlugin: JupyterFrontEndPlugin<IProjectModel> = {
  id: 'mlops-lab:project',
  description: 'Which MLOps Lab project the page is about.',
  autoStart: true,
  provides: IProjectModel,
  optional: [INotebookTracker, IDefaultFileBrowser],
  activate: (app, notebooks: INotebookTracker | null, files: IDefaultFileBrowser | null) => {
    const { serverSettings, contents, events } = app.serviceManager;
    const projects = new ProjectModel({
      client: new LabClient(serverSettings),
      events: events.stream,
      visibility: new PageVisibility()
    });
    const follow = (): void => {
      const notebook = notebooks?.currentWidget?.context.path;
      if (notebook !== undefined) {
        projects.follow(contents.localPath(notebook));
      } else {
        const folder = contents.localPath(files?.model.path ?? '');
        projects.follow(folder, folder);
      }
    };
    notebooks?.currentChanged.connect((_, panel) => {
      panel?.context.pathChanged.connect(follow);
      follow();
    });
    files?.model.pathChanged.connect(follow);
    // Not before the layout is back: the first question would be about the wrong folder.
    void app.restored.then(follow);
    return projects;
  }
};

/** The sidebar's head, with the menus of projects. */
export const projectHeaderPlugin: JupyterFrontEndPlugin<void> = {
  id: 'mlops-lab:project-header',
  description: 'The project in the head of the MLOps Lab sidebar.',
  autoStart: true,
  requires: [IProjectModel, ISidebar],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app,
    projects: IProjectModel,
    sidebar: ISidebar,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('mlops_lab');
    addCommands(app, projects, trans);
    [CommandIDs.createProject, CommandIDs.createExample].forEach(command =>
      palette?.addItem({ command, category: CATEGORY })
    );
    sidebar.add({
      area: 'top',
      rank: 0,
      render: () => (
        <ProjectHeader
          projects={projects}
          trans={trans}
          openSwitcher={at =>
            openMenu(app.commands, at, menu => fillSwitcher(menu, projects), 'left')
          }
          openMenu={at => openMenu(app.commands, at, menu => fillMenu(menu, projects))}
        />
      )
    });
  }
};

function fillSwitcher(menu: Menu, projects: IProjectModel): void {
  for (const { key } of projects.projects) {
    menu.addItem({ command: CommandIDs.switchProject, args: { key } });
  }
  if (projects.projects.length > 0) {
    menu.addItem({ type: 'separator' });
  }
  menu.addItem({ command: CommandIDs.createProject });
  menu.addItem({ command: CommandIDs.createExample });
}

function fillMenu(menu: Menu, projects: IProjectModel): void {
  menu.addItem({ command: CommandIDs.refresh });
  menu.addItem({ command: CommandIDs.focusSearch });
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.insertExample });
  menu.addItem({ command: CommandIDs.createExample });
  if (projects.project === null) {
    menu.addItem({ command: CommandIDs.createProject });
  }
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.showKeys });
}

function addCommands(
  app: JupyterFrontEnd,
  projects: IProjectModel,
  trans: TranslationBundle
): void {
  const { commands } = app;
  const named = (args: { readonly [key: string]: unknown }) =>
    projects.projects.find(project => project.key === args.key);
  projects.changed.connect(() => commands.notifyCommandChanged(CommandIDs.createProject));

  commands.addCommand(CommandIDs.switchProject, {
    label: args => {
      const project = named(args);
      const twice = projects.projects.filter(({ name }) => name === project?.name).length > 1;
      return project === undefined
        ? trans.__('Switch Project')
        : twice
          ? `${project.name} · ${project.directory}`
          : project.name;
    },
    caption: args => named(args)?.directory ?? '',
    isToggled: args => args.key === projects.key,
    isToggleable: true,
    execute: args => {
      if (typeof args.key === 'string') {
        projects.choose(args.key);
      }
    }
  });

  commands.addCommand(CommandIDs.createProject, {
    label: trans.__('Make This Folder a Project'),
    caption: trans.__('Runs of this folder and those below it are then kept here'),
    isEnabled: () => projects.project === null || !isHere(projects),
    execute: () => attempt(trans, () => projects.create())
  });

  commands.addCommand(CommandIDs.createExample, {
    label: trans.__('Create Example Project'),
    caption: trans.__('The flight-delay example runs its pipeline in front of you'),
    execute: () =>
      attempt(trans, async () => {
        const { folder, client } = projects;
        const { project, run_id, path } = await client.createExample(folder);
        projects.choose(project.key);
        await projects.refresh();
        await commands.execute('docmanager:open', { path, factory: readerOf(path) });
        await commands.execute(CommandIDs.openSidebar);
        await commands.execute(CommandIDs.openRun, { project: project.key, id: run_id });
      })
  });
}

/** Whether the followed folder is itself the current project's. */
function isHere({ project, folder }: IProjectModel): boolean {
  return project !== null && project.path === folder;
}

function readerOf(path: string): string | undefined {
  return PathExt.extname(path) === '.md' ? 'Markdown Preview' : undefined;
}

async function attempt(trans: TranslationBundle, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    Notification.error(trans.__('That did not work: %1', asRequestError(error).message), TOLD);
  }
}
