import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { Notification } from '@jupyterlab/apputils';
import { NotebookActions } from '@jupyterlab/notebook';
import { withImport } from './python';

/** Put a source into a cell of the current notebook, or of a new one, and leave the cursor there. */
export async function insertCell(
  app: JupyterFrontEnd,
  notebooks: INotebookTracker,
  source: string,
  folder: string
): Promise<void> {
  await insert(app, notebooks, folder, () => source);
}

/** The same for lines that need `lab`: where no cell imports it yet, they bring the import. */
export async function insertLines(
  app: JupyterFrontEnd,
  notebooks: INotebookTracker,
  lines: string,
  folder: string
): Promise<void> {
  await insert(app, notebooks, folder, panel => withImport(lines, sourcesOf(panel)));
}

/** The sources of a notebook's code cells, but for the cell with the id `but`. */
export function sourcesOf(panel: NotebookPanel, but?: string): string[] {
  return [...(panel.model?.sharedModel.cells ?? [])]
    .filter(cell => cell.cell_type === 'code' && cell.getId() !== but)
    .map(cell => cell.source);
}

/** Say that a notebook's kernel does not run our lines; false where nothing is wrong. */
export function warnOfLanguage(panel: NotebookPanel): boolean {
  const { model } = panel;
  const spec: unknown = model?.getMetadata('kernelspec');
  // The kernel's own word where it has run once, else what the notebook asks for.
  const language = String(
    model?.defaultKernelLanguage || (spec as { language?: unknown } | null)?.language || ''
  );
  const foreign = language !== '' && !/python/i.test(language);
  if (foreign) {
    const trans = panel.content.translator.load('mlops_lab');
    Notification.warning(
      trans.__('%1 runs %2, but this line is Python.', panel.title.label, language),
      { autoClose: 10_000 }
    );
  }
  return foreign;
}

async function insert(
  app: JupyterFrontEnd,
  notebooks: INotebookTracker,
  folder: string,
  sourceFor: (panel: NotebookPanel) => string
): Promise<void> {
  const panel = notebooks.currentWidget ?? (await newNotebook(app, folder));
  await panel.context.ready;
  await panel.revealed;
  if (warnOfLanguage(panel)) {
    return;
  }
  app.shell.activateById(panel.id);
  const source = sourceFor(panel);
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
