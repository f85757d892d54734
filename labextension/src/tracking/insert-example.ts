import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { NotebookActions } from '@jupyterlab/notebook';

/** Put lines into a cell of the current notebook, or of a new one, and leave the cursor there. */
export async function insertExample(
  app: JupyterFrontEnd,
  notebooks: INotebookTracker,
  source: string,
  folder: string
): Promise<void> {
  const panel = notebooks.currentWidget ?? (await newNotebook(app, folder));
  await panel.context.ready;
  await panel.revealed;
  app.shell.activateById(panel.id);
  const notebook = panel.content;
  const { activeCell } = notebook;
  // An empty code cell is as good as a new one.
  if (activeCell?.model.type !== 'code' || activeCell.model.sharedModel.source.trim() !== '') {
    NotebookActions.insertBelow(notebook);
  }
  notebook.activeCell?.model.sharedModel.setSource(source);
  notebook.mode = 'edit';
}

async function newNotebook(app: JupyterFrontEnd, folder: string): Promise<NotebookPanel> {
  const { kernelspecs } = app.serviceManager;
  await kernelspecs.ready;
  const args = { cwd: folder, kernelName: kernelspecs.specs?.default, activate: true };
  return app.commands.execute('notebook:create-new', args) as Promise<NotebookPanel>;
}
