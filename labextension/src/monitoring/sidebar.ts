import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { createElement } from 'react';
import { CATEGORY, CommandIDs } from '../commands';
import { askWhileOpen } from '../model-widget';
import { foldsOf } from '../state/folds';
import { IProjectModel, ISidebar } from '../tokens';
import { translateBy } from '../translate';
import { TextContext } from '../views/text';
import { AlertAnnouncer, LEVELS } from './announcer';
import { PALETTE, addMonitorCommands } from './commands';
import { MonitorsModel } from './monitors';
import { monitorInFront } from './plugin';
import { MonitorsSection } from './section';
import type { IMonitorsActions } from './section';

const ID = 'mlops-lab:monitors';

/** Where it is kept whether the section is folded. */
const STATE = 'mlops-lab:sidebar-monitors';

/** The monitors in the sidebar, what can be done to them, and news of their alerts. */
export const monitorsPlugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'The monitors in the MLOps Lab sidebar, their commands, and news of alerts.',
  autoStart: true,
  requires: [IProjectModel, ISidebar],
  optional: [ICommandPalette, ISettingRegistry, IStateDB, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjectModel,
    sidebar: ISidebar,
    palette: ICommandPalette | null,
    settings: ISettingRegistry | null,
    state: IStateDB | null,
    translator: ITranslator | null
  ): void => {
    const { commands } = app;
    const trans = (translator ?? nullTranslator).load('mlops_lab');
    const model = new MonitorsModel(projects, trans);
    askWhileOpen(sidebar, model);
    const folds = foldsOf(state, STATE, app.restored);
    const announcer = new AlertAnnouncer({
      projects,
      trans,
      open: (project, name, alert) =>
        void commands.execute(CommandIDs.openMonitor, {
          project,
          name,
          ...(alert !== null && { alert })
        })
    });
    if (settings !== null) {
      void followLevel(settings, announcer);
    }
    addMonitorCommands({ app, model, announcer, inFront: () => monitorInFront(app) });
    PALETTE.forEach(command => palette?.addItem({ command, category: CATEGORY }));

    const actions: IMonitorsActions = {
      open: name => void commands.execute(CommandIDs.openMonitor, { project: projects.key, name }),
      check: name => void commands.execute(CommandIDs.checkMonitor, { project: projects.key, name })
    };
    const translate = translateBy(trans);
    sidebar.add({
      area: 'body',
      rank: 40,
      render: () =>
        createElement(
          TextContext.Provider,
          { value: translate },
          createElement(MonitorsSection, { model, folds, actions })
        )
    });
  }
};

/** Which alerts are told of, as the person has set it. */
async function followLevel(settings: ISettingRegistry, announcer: AlertAnnouncer): Promise<void> {
  const own = await settings.load(ID);
  const follow = (): void => {
    const { composite } = own.get('notifications');
    announcer.level = LEVELS.find(level => level === composite) ?? 'warn';
  };
  own.changed.connect(follow);
  follow();
}
