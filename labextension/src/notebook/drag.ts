import type { INotebookTracker } from '@jupyterlab/notebook';
import { MimeData, UUID } from '@lumino/coreutils';
import { Drag } from '@lumino/dragdrop';
import { sourcesOf, warnOfLanguage } from './insert';
import { withImport } from './python';

/** JupyterLab's own type of dragged cells: a notebook takes them where a person drops them. */
const CELLS = 'application/vnd.jupyter.cells';

/** So far the pointer moves before a press becomes a drag. */
const THRESHOLD = 5;

/** What is dragged: the lines of Python, and what the pointer carries. */
export interface IDragged {
  lines: string;
  label: string;
}

/**
 * Begin a drag when the pressed pointer moves: dropped on a notebook the lines become a cell there,
 * with our import where the notebook lacks it; dropped on an editor they become text.
 *
 * Give it a `pointerdown`; a press without a move stays a click.
 */
export function dragLines(
  event: { button: number; clientX: number; clientY: number },
  notebooks: INotebookTracker | null,
  { lines, label }: IDragged
): void {
  if (event.button !== 0) {
    return;
  }
  const { clientX, clientY } = event;
  const end = (): void => {
    document.removeEventListener('pointermove', onMove, true);
    document.removeEventListener('pointerup', end, true);
  };
  const onMove = (move: PointerEvent): void => {
    if (Math.hypot(move.clientX - clientX, move.clientY - clientY) < THRESHOLD) {
      return;
    }
    end();
    void startDrag(move, notebooks, lines, label);
  };
  document.addEventListener('pointermove', onMove, true);
  document.addEventListener('pointerup', end, true);
}

async function startDrag(
  { clientX, clientY }: PointerEvent,
  notebooks: INotebookTracker | null,
  lines: string,
  label: string
): Promise<void> {
  const id = UUID.uuid4();
  const mimeData = new MimeData();
  const cell = { cell_type: 'code', id, source: lines, metadata: {}, outputs: [] };
  mimeData.setData(CELLS, [{ ...cell, execution_count: null }]);
  mimeData.setData('text/plain', lines);
  const drag = new Drag({
    mimeData,
    dragImage: dragImage(label),
    supportedActions: 'copy',
    proposedAction: 'copy'
  });
  await drag.start(clientX, clientY);
  drag.dispose();
  addImport(notebooks, id);
}

/** Where a dropped cell has come to lie is known only now. */
function addImport(notebooks: INotebookTracker | null, id: string): void {
  notebooks?.forEach(panel => {
    const cells = [...(panel.model?.sharedModel.cells ?? [])];
    const dropped = cells.find(cell => cell.getId() === id);
    if (dropped !== undefined && !warnOfLanguage(panel)) {
      dropped.setSource(withImport(dropped.source, sourcesOf(panel, id)));
    }
  });
}

function dragImage(label: string): HTMLElement {
  const node = document.createElement('div');
  node.className = 'jp-MlopsLab-root jp-MlopsLab-dragimage';
  node.textContent = label;
  return node;
}
