import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, Notification } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import type { AlertVerb, IAlertRow } from '../api/monitoring';
import { MonitoringClient } from '../api/monitoring';
import type { IRunDetail } from '../api/types';
import { CommandIDs, TOLD } from '../commands';
import { followRun, openRun } from '../follow-run';
import type { ITold } from '../follow-run';
import { monitorIcon } from '../icons';
import { linkTo } from '../links';
import type { LiveProject } from '../state/live';
import { asRequestError } from '../state/resource';
import type { AlertAnnouncer } from './announcer';
import { decideAlert, mayDo } from './decide';
import type { IMonitorSubject, MonitorsModel } from './monitors';
import { newMonitor } from './new-monitor';

/** What is in front: the monitor that a view shows, and the alert that it explains. */
export interface IInFront extends IMonitorSubject {
  alert: IAlertRow | null;
}

export interface IMonitorCommands {
  app: JupyterFrontEnd;
  model: MonitorsModel;
  announcer: AlertAnnouncer;
  inFront: () => IInFront | null;
}

type Args = Readonly<Record<string, unknown>>;

/** What can be done to monitors and alerts: named in the palette, in menus, and by keys. */
export function addMonitorCommands(options: IMonitorCommands): void {
  const { app, model, announcer, inFront } = options;
  const { commands } = app;
  const { trans, projects } = model;
  const { baseUrl } = app.serviceManager.serverSettings;
  /** What a command is about: its arguments, else the view in front, else the sidebar's row. */
  const subject = (args: Args): IMonitorSubject | null => {
    const project = typeof args.project === 'string' ? args.project : projects.key;
    if (typeof args.name === 'string') {
      return project === null ? null : { project, name: args.name };
    }
    return args.fromSidebar === true ? model.subject() : (inFront() ?? model.subject());
  };
  const add = (
    id: string,
    label: string,
    execute: (about: IMonitorSubject, args: Args) => unknown,
    more: Partial<CommandRegistry.ICommandOptions> = {}
  ): void => {
    commands.addCommand(id, {
      label,
      isEnabled: args => subject(args) !== null,
      execute: async args => {
        const about = subject(args);
        if (about !== null) {
          await execute(about, args);
        }
      },
      ...more
    });
  };
  const attempt = async (act: () => Promise<unknown>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      const why = asRequestError(error).message;
      Notification.error(trans.__('That did not work: %1', why), TOLD);
    }
  };

  add(
    CommandIDs.openFocusedMonitor,
    trans.__('Open Monitor'),
    ({ project, name }) => commands.execute(CommandIDs.openMonitor, { project, name }),
    { icon: monitorIcon }
  );
  add(
    CommandIDs.checkMonitor,
    trans.__('Check Monitor Now'),
    ({ project, name }) =>
      attempt(async () => {
        const live = projects.of(project);
        const id = await new MonitoringClient(live.client).check(name);
        announcer.keepQuietAbout(id);
        live.reload(); // The row turns while it looks.
        follow(options, live, id, name);
      }),
    {
      caption: trans.__('Compare the data again, as its schedule does'),
      isEnabled: args => {
        const about = subject(args);
        const row = about?.project === projects.key ? model.find(about.name) : undefined;
        return about !== null && row?.state !== 'invalid' && (row?.running ?? null) === null;
      }
    }
  );
  add(CommandIDs.editMonitor, trans.__('Edit Monitor'), ({ project, name }, { line, column }) =>
    attempt(async () => {
      const known = project === projects.key ? model.find(name) : undefined;
      const client = new MonitoringClient(projects.of(project).client);
      const { path } = known ?? (await client.monitor(name));
      const args = { project, path, ...placeOf(line, column) };
      if (commands.isEnabled(CommandIDs.openSource, args)) {
        await commands.execute(CommandIDs.openSource, args);
      } else {
        Notification.info(
          trans.__('%1 is outside of the folder that JupyterLab shows.', path),
          TOLD
        );
      }
    })
  );
  add(CommandIDs.copyMonitorYaml, trans.__('Copy Monitor YAML'), ({ project, name }) =>
    attempt(async () => {
      const client = new MonitoringClient(projects.of(project).client);
      Clipboard.copyToSystem((await client.monitor(name)).yaml);
    })
  );
  add(CommandIDs.copyMonitorLink, trans.__('Copy Link'), ({ project, name }) =>
    Clipboard.copyToSystem(linkTo(baseUrl, project, 'monitor', name))
  );

  commands.addCommand(CommandIDs.newMonitor, {
    label: trans.__('New Monitor…'),
    caption: trans.__('Write a monitor of this dataset, and open its file'),
    icon: monitorIcon,
    isVisible: args => typeof args.dataset === 'string',
    execute: args => {
      const project = typeof args.project === 'string' ? args.project : projects.key;
      return project === null || typeof args.dataset !== 'string'
        ? undefined
        : attempt(() => newMonitor(app, projects, project, String(args.dataset), trans));
    }
  });

  const decision = (id: string, verb: AlertVerb, label: string, caption: string): void => {
    commands.addCommand(id, {
      label,
      caption,
      isEnabled: args => typeof args.project === 'string' || projects.key !== null,
      execute: async args => {
        const front = inFront();
        const project =
          typeof args.project === 'string' ? args.project : (front?.project ?? projects.key);
        // What the view explains is meant, unless nothing is left to decide about it.
        const shown = front?.alert && mayDo(verb, front.alert.status) ? front.alert.id : undefined;
        const alert = typeof args.id === 'string' ? args.id : shown;
        return project === null
          ? null
          : await decideAlert(projects.of(project), verb, alert, trans);
      }
    });
  };
  decision(
    CommandIDs.acknowledgeAlert,
    'acknowledge',
    trans.__('Acknowledge Alert…'),
    trans.__('Say that somebody knows: it asks nobody any more')
  );
  decision(
    CommandIDs.muteAlert,
    'mute',
    trans.__('Mute Alert…'),
    trans.__('Hear nothing of it for some days')
  );
  decision(
    CommandIDs.resolveAlert,
    'resolve',
    trans.__('Resolve Alert…'),
    trans.__('Say that it is over')
  );
  decision(
    CommandIDs.reopenAlert,
    'reopen',
    trans.__('Reopen Alert…'),
    trans.__('Let it ask again')
  );
}

/** The commands that the palette lists. */
export const PALETTE = [
  CommandIDs.checkMonitor,
  CommandIDs.editMonitor,
  CommandIDs.copyMonitorYaml,
  CommandIDs.copyMonitorLink,
  CommandIDs.acknowledgeAlert,
  CommandIDs.muteAlert,
  CommandIDs.resolveAlert,
  CommandIDs.reopenAlert
];

function placeOf(line: unknown, column: unknown): { line?: number; column?: number } {
  return {
    ...(typeof line === 'number' && { line }),
    ...(typeof column === 'number' && { column })
  };
}

/** Stay with a check that a person has started, and tell what it found. */
function follow(options: IMonitorCommands, live: LiveProject, id: string, name: string): void {
  const { app, model } = options;
  const { trans } = model;
  const { commands } = app;
  followRun({
    live,
    id,
    commands,
    trans,
    working: () => trans.__('Checking %1', name),
    ended: (run, error) => found(options, live, { id, run, error }, name)
  });
}

/** What a check found, in the monitor's own sentence; or why it found nothing. */
async function found(
  { app, model }: IMonitorCommands,
  live: LiveProject,
  { id, run, error }: { id: string; run: IRunDetail | null; error: Error | null },
  name: string
): Promise<ITold> {
  const { trans } = model;
  const { commands } = app;
  if (run === null || run.status !== 'finished') {
    const why = run?.error?.message ?? run?.reason ?? run?.status ?? error?.message ?? '';
    return {
      type: 'error',
      message: trans.__('%1 was not checked: %2', name, why),
      autoClose: false,
      actions: [openRun(commands, trans, live.key, id)]
    };
  }
  const open = {
    label: trans.__('Open'),
    callback: () => void commands.execute(CommandIDs.openMonitor, { project: live.key, name })
  };
  const page = await new MonitoringClient(live.client).monitor(name).catch(() => null);
  const quiet = page === null || page.state === 'ok' || page.state === 'small';
  return {
    type: quiet ? 'success' : page.state === 'alert' ? 'error' : 'warning',
    message:
      page === null ? trans.__('%1 is checked', name) : trans.__('%1: %2', name, page.sentence),
    autoClose: quiet ? 8_000 : 20_000,
    actions: [open]
  };
}
