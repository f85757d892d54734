import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, Dialog, InputDialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { CommandRegistry } from '@lumino/commands';
import { DataClient } from '../api/data';
import { CommandIDs, TOLD } from '../commands';
import { linkTo } from '../links';
import { insertLines } from '../notebook/insert';
import { asRequestError } from '../state/resource';
import { loadExpression, loadLine, refOf } from './lines';
import type { DatasetsModel, IDataSubject } from './model';

interface IAbout extends IDataSubject {
  version: number;
}

/** What can be done to a version: named in the palette, in menus, and by keys. */
export function addDataCommands(
  app: JupyterFrontEnd,
  model: DatasetsModel,
  notebooks: INotebookTracker | null,
  /** The version that the view in front shows. */
  inFront: () => IDataSubject | null
): void {
  const { commands } = app;
  const { trans } = model;
  const { baseUrl } = app.serviceManager.serverSettings;
  /** What a command is about: its arguments, else the view in front, else the sidebar's row. */
  const subject = (args: Readonly<Record<string, unknown>>): IDataSubject | null => {
    const project = typeof args.project === 'string' ? args.project : model.projects.key;
    if (typeof args.name === 'string') {
      const version = typeof args.version === 'number' ? args.version : null;
      const tabular = typeof args.tabular === 'boolean' ? args.tabular : null;
      return project === null ? null : { project, name: args.name, version, tabular };
    }
    return args.fromSidebar === true ? model.subject() : (inFront() ?? model.subject());
  };
  const add = (
    id: string,
    label: string,
    execute: (about: IAbout) => unknown,
    options: Partial<CommandRegistry.ICommandOptions> = {}
  ): void => {
    commands.addCommand(id, {
      label,
      isEnabled: args => (subject(args)?.version ?? null) !== null,
      execute: async args => {
        const about = subject(args);
        if (about !== null && about.version !== null) {
          await execute({ ...about, version: about.version });
        }
      },
      ...options
    });
  };

  commands.addCommand(CommandIDs.openFocusedDataset, {
    label: trans.__('Open Dataset'),
    isEnabled: () => model.subject() !== null,
    execute: async () => {
      const about = model.subject();
      if (model.current?.kind === 'older') {
        model.showAll(model.current.dataset.name);
      } else if (about !== null) {
        const { project, name, version } = about;
        const args = { project, name, ...(version !== null && { version }) };
        await commands.execute(CommandIDs.openDataset, args);
      }
    }
  });
  add(
    CommandIDs.insertDataset,
    trans.__('Insert Load Cell'),
    about => insertDataset(app, model, notebooks, about),
    {
      caption: trans.__('Put the line that loads this version into the notebook'),
      isVisible: () => notebooks !== null
    }
  );
  add(CommandIDs.copyDatasetLine, trans.__('Copy as Python'), async about => {
    Clipboard.copyToSystem(await expressionOf(model, about));
  });
  add(CommandIDs.copyDatasetLink, trans.__('Copy Link'), ({ project, name, version }) =>
    Clipboard.copyToSystem(linkTo(baseUrl, project, 'dataset', refOf(name, version)))
  );
  add(CommandIDs.aliasDataset, trans.__('Set Alias…'), about => setAlias(model, about));
  add(
    CommandIDs.monitorDataset,
    trans.__('New Monitor…'),
    ({ project, name }) => commands.execute(CommandIDs.newMonitor, { project, dataset: name }),
    {
      caption: trans.__('Watch this dataset: compare what comes with a reference'),
      isVisible: () => commands.hasCommand(CommandIDs.newMonitor)
    }
  );
  commands.addCommand(CommandIDs.removeDatasetAlias, {
    label: args => trans.__('Remove Alias %1', String(args.alias ?? '')),
    isVisible: args => typeof args.alias === 'string',
    execute: async args => {
      const { project, name, alias } = args;
      if (typeof project === 'string' && typeof name === 'string' && typeof alias === 'string') {
        await attempt(model, () => clientOf(model, project).removeAlias(name, alias));
        model.projects.of(project).reload();
      }
    }
  });
  add(CommandIDs.deleteDataset, trans.__('Delete Version…'), about => deleteVersion(model, about));
}

/** The commands that the palette lists. */
export const PALETTE = [
  CommandIDs.openDataset,
  CommandIDs.insertDataset,
  CommandIDs.copyDatasetLine,
  CommandIDs.copyDatasetLink,
  CommandIDs.aliasDataset,
  CommandIDs.monitorDataset,
  CommandIDs.deleteDataset,
  CommandIDs.commitDataset
];

async function insertDataset(
  app: JupyterFrontEnd,
  model: DatasetsModel,
  notebooks: INotebookTracker | null,
  about: IAbout
): Promise<void> {
  if (notebooks !== null) {
    await attempt(model, async () => {
      const line = loadLine(about.name, await expressionOf(model, about));
      await insertLines(app, notebooks, line, model.projects.folder);
    });
  }
}

/** A link may name a version of which nothing else is known yet. */
async function expressionOf(model: DatasetsModel, about: IAbout): Promise<string> {
  const { project, name, version } = about;
  let { tabular } = about;
  if (tabular === null) {
    const { versions } = await clientOf(model, project).dataset(name);
    const found = versions.find(one => one.version === version);
    tabular = found === undefined || found.rows !== null;
  }
  return loadExpression(name, version, tabular);
}

async function setAlias(model: DatasetsModel, about: IAbout): Promise<void> {
  const { trans } = model;
  const { name, version, project } = about;
  const { value } = await InputDialog.getText({
    title: trans.__('Alias of %1 %2', name, version),
    label: trans.__('An alias stands on one version; it moves here from any other.'),
    placeholder: trans.__('train'),
    okLabel: trans.__('Set')
  });
  const alias = value?.trim();
  if (alias) {
    await attempt(model, () => clientOf(model, project).setAlias(name, alias, version));
    model.projects.of(project).reload();
  }
}

async function deleteVersion(model: DatasetsModel, about: IAbout): Promise<void> {
  const { trans } = model;
  const { name, version, project } = about;
  const { button } = await showDialog({
    title: trans.__('Delete %1 %2?', name, version),
    body: trans.__(
      'No later version gets its number. Its bytes stay for 14 days, until `mlops-lab store gc --apply` takes them.'
    ),
    buttons: [
      Dialog.cancelButton(),
      Dialog.warnButton({ label: trans.__('Delete %1', refOf(name, version)) })
    ]
  });
  if (button.accept) {
    await attempt(model, () => clientOf(model, project).delete(name, version));
    model.projects.of(project).reload();
  }
}

function clientOf(model: DatasetsModel, project: string): DataClient {
  return new DataClient(model.projects.of(project).client);
}

async function attempt(model: DatasetsModel, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    Notification.error(
      model.trans.__('That did not work: %1', asRequestError(error).message),
      TOLD
    );
  }
}
