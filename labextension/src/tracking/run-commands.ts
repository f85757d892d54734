import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, InputDialog, Notification } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import { CommandIDs, runArgs } from '../commands';
import type { IRunRow } from '../api/types';
import { linkTo } from '../links';
import type { RunsModel } from './model';
import { showKeys } from './keys';

interface ISubject {
  project: string;
  ids: string[];
  /** The one run, where it is known. */
  run: IRunRow | undefined;
}

/** What can be done to runs: named in the palette, in menus, and by keys. */
export function addRunCommands(
  app: JupyterFrontEnd,
  model: RunsModel,
  sidebarIsVisible: () => boolean
): void {
  const { commands } = app;
  const { trans } = model;
  const { baseUrl } = app.serviceManager.serverSettings;
  /** What a command is about: its arguments, else the selected or focused runs. */
  const subject = (args: { readonly [key: string]: unknown }): ISubject | null => {
    const { project = model.projects.key, id } = runArgs(args);
    const ids = id !== undefined ? [id] : model.selection.targets();
    return project === null || ids.length === 0
      ? null
      : { project, ids, run: ids.length === 1 ? model.pages?.find(ids[0]) : undefined };
  };
  const add = (
    id: string,
    label: string,
    execute: (about: ISubject) => unknown,
    options: Partial<CommandRegistry.ICommandOptions> & { one?: boolean } = {}
  ): void => {
    const { one = false, ...rest } = options;
    commands.addCommand(id, {
      label,
      isEnabled: args => {
        const about = subject(args);
        return about !== null && (!one || about.ids.length === 1);
      },
      execute: async args => {
        const about = subject(args);
        if (about !== null) {
          await execute(about);
        }
      },
      ...rest
    });
  };
  const one = { one: true };

  add(
    CommandIDs.openFocusedRun,
    trans.__('Open Run'),
    ({ project, ids }) => commands.execute(CommandIDs.openRun, { project, id: ids[0] }),
    one
  );
  add(
    CommandIDs.stopFocusedRun,
    trans.__('Stop Run'),
    ({ project, ids }) => commands.execute(CommandIDs.stopRun, { project, id: ids[0] }),
    { isVisible: args => isLive(subject(args)?.run) }
  );
  add(
    CommandIDs.registerFocusedRun,
    trans.__('Register Model…'),
    ({ project, ids }) => commands.execute(CommandIDs.registerModel, { project, id: ids[0] }),
    { ...one, isVisible: () => commands.hasCommand(CommandIDs.registerModel) }
  );
  add(CommandIDs.starRun, trans.__('Star Run'), about => star(model, about), {
    label: args => (subject(args)?.run?.starred ? trans.__('Remove Star') : trans.__('Star Run'))
  });
  add(CommandIDs.renameRun, trans.__('Rename Run…'), about => rename(model, about), one);
  add(CommandIDs.tagRun, trans.__('Tag Run…'), about => tag(model, about));
  add(CommandIDs.noteRun, trans.__('Add Note…'), about => note(model, about), one);
  add(CommandIDs.copyRunId, trans.__('Copy Run Id'), ({ ids }) => copy(ids.join('\n')));
  add(
    CommandIDs.copyRunLine,
    trans.__('Copy as Python'),
    ({ ids }) => copy(`lab.run("${ids[0]}")`),
    one
  );
  add(
    CommandIDs.copyRunLink,
    trans.__('Copy Link'),
    ({ project, ids }) => copy(linkTo(baseUrl, project, 'run', ids[0])),
    one
  );
  add(CommandIDs.deleteRun, trans.__('Delete Run'), async ({ project, ids }) => {
    await model.delete(ids, project);
    if (!sidebarIsVisible() && model.edits.undo !== null) {
      offerUndo(model);
    }
  });

  commands.addCommand(CommandIDs.undoDelete, {
    label: trans.__('Undo Delete'),
    isEnabled: () => model.edits.undo !== null,
    execute: () => model.edits.undelete()
  });
  commands.addCommand(CommandIDs.selectRun, {
    label: trans.__('Select Run'),
    isEnabled: () => model.selection.focused !== null,
    execute: () => model.selection.toggle(model.selection.focused!)
  });
  commands.addCommand(CommandIDs.clear, {
    label: trans.__('Clear Selection or Search'),
    execute: () => {
      if (model.selection.size > 0) {
        model.selection.clear();
      } else if (model.search !== '') {
        model.type('');
      } else {
        app.shell.activateById(app.shell.currentWidget?.id ?? '');
      }
    }
  });
  commands.addCommand(CommandIDs.focusSearch, {
    label: trans.__('Search Runs'),
    execute: async () => {
      await commands.execute(CommandIDs.openSidebar);
      model.focusSearch();
    }
  });
  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Refresh Runs'),
    execute: () => model.refresh()
  });
  commands.addCommand(CommandIDs.showKeys, {
    label: trans.__('Show Keys of the Sidebar'),
    execute: () => showKeys(trans)
  });
  model.changed.connect(() => commands.notifyCommandChanged(CommandIDs.undoDelete));
}

/** The commands that the palette lists. */
export const PALETTE = [
  CommandIDs.openFocusedRun,
  CommandIDs.stopFocusedRun,
  CommandIDs.registerFocusedRun,
  CommandIDs.starRun,
  CommandIDs.renameRun,
  CommandIDs.tagRun,
  CommandIDs.noteRun,
  CommandIDs.copyRunId,
  CommandIDs.copyRunLine,
  CommandIDs.copyRunLink,
  CommandIDs.deleteRun,
  CommandIDs.undoDelete,
  CommandIDs.clear,
  CommandIDs.focusSearch,
  CommandIDs.refresh,
  CommandIDs.showKeys,
  CommandIDs.insertExample,
  CommandIDs.stopNotebookRun
];

export function isLive(run: IRunRow | undefined): boolean {
  return run?.status === 'running' || run?.status === 'scheduled';
}

async function star(model: RunsModel, { project, ids, run }: ISubject): Promise<void> {
  // Several are starred unless all of them are already.
  const rows = run ? [run] : ids.map(id => model.pages?.find(id));
  const known = await Promise.all(
    rows.map((row, index) => row ?? model.projects.of(project).client.run(ids[index]))
  );
  const starred = !known.every(row => row.starred);
  await Promise.all(ids.map(id => model.update(id, { starred }, project)));
}

async function rename(model: RunsModel, { project, ids, run }: ISubject): Promise<void> {
  const { trans } = model;
  const old = (run ?? (await model.projects.of(project).client.run(ids[0]))).name;
  const { value } = await InputDialog.getText({
    title: trans.__('Rename run'),
    text: old,
    selectionRange: old.length,
    okLabel: trans.__('Rename')
  });
  const name = value?.trim();
  if (name && name !== old) {
    await model.update(ids[0], { name }, project);
  }
}

async function tag(model: RunsModel, { project, ids }: ISubject): Promise<void> {
  const { trans } = model;
  const { value } = await InputDialog.getText({
    title: ids.length === 1 ? trans.__('Tag run') : trans.__('Tag %1 runs', ids.length),
    label: trans.__('As key = value; a key alone is removed'),
    placeholder: trans.__('team = ops'),
    okLabel: trans.__('Tag')
  });
  const [, key, text] = /^\s*([^=]+?)\s*(?:=\s*(.*?))?\s*$/.exec(value ?? '') ?? [];
  if (key) {
    const tags = { [key]: text || null };
    await Promise.all(ids.map(id => model.update(id, { tags }, project)));
  }
}

async function note(model: RunsModel, { project, ids }: ISubject): Promise<void> {
  const { trans } = model;
  const { value } = await InputDialog.getText({
    title: trans.__('Add a note'),
    okLabel: trans.__('Add')
  });
  if (value?.trim()) {
    await model.update(ids[0], { note: value.trim() }, project);
  }
}

/** Where the sidebar cannot show the way back, a notification does. */
function offerUndo(model: RunsModel): void {
  const { trans } = model;
  const { undo } = model.edits;
  const what =
    undo!.name !== null
      ? trans.__('%1 deleted', undo!.name)
      : trans.__('%1 runs deleted', undo!.ids.length);
  Notification.info(what, {
    autoClose: 10_000,
    actions: [{ label: trans.__('Undo'), callback: () => void model.edits.undelete() }]
  });
}

function copy(text: string): void {
  Clipboard.copyToSystem(text);
}
