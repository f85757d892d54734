import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandIDs } from '../commands';
import { IProjectModel } from '../tokens';
import { ReportMaker, reportArgs } from './maker';

/** Reports: the command behind the button of every view. */
export const reportsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'mlops-lab:reports',
  description: 'Makes one file of a run, a model, data or a monitor, to send and to print.',
  autoStart: true,
  requires: [IProjectModel],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    projects: IProjectModel,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('mlops_lab');
    const maker = new ReportMaker({ commands: app.commands, projects, trans });
    app.commands.addCommand(CommandIDs.makeReport, {
      label: trans.__('Report…'),
      caption: trans.__('Make one file of it, to send and to print'),
      isVisible: args => reportArgs(args).what.length > 0,
      execute: args => maker.make(reportArgs(args))
    });
  }
};
