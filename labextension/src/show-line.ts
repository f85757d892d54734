/** As much of JupyterLab's editors as is needed to lead to a place in a file. */
interface IEditorWidget {
  context: { ready: Promise<unknown> };
  content: {
    ready?: Promise<unknown>;
    editor: {
      lineCount: number;
      setCursorPosition(position: { line: number; column: number }): void;
      revealPosition(position: { line: number; column: number }): void;
      focus(): void;
    };
  };
}

/** Put the cursor at a place, counted from 1, of a file that was just opened in an editor. */
export async function showLine(widget: unknown, line: number, column: number): Promise<void> {
  if (isEditor(widget)) {
    // What is shown before the file has been read has no lines yet.
    await widget.context.ready;
    await widget.content.ready;
    const { editor } = widget.content;
    const last = Math.max(0, editor.lineCount - 1);
    const position = {
      line: Math.min(Math.max(0, line - 1), last),
      column: Math.max(0, column - 1)
    };
    editor.setCursorPosition(position);
    editor.revealPosition(position);
    editor.focus();
  }
}

function isEditor(widget: unknown): widget is IEditorWidget {
  const content = (widget as Partial<IEditorWidget> | null | undefined)?.content;
  return typeof content?.editor?.setCursorPosition === 'function';
}
