import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { flushSync } from 'react-dom';

/**
 * What a dialog of ours shows: drawn at once, so that the keyboard is in the dialog at once.
 *
 * A dialog takes the keyboard when its body says that it is drawn. By itself a React body says so in
 * the browser's next idle moment, and a page on which nothing moves may not have one for seconds:
 * until then keys go to what lies below.
 */
export abstract class DialogBody extends ReactWidget {
  protected onUpdateRequest(message: Message): void {
    flushSync(() => super.onUpdateRequest(message));
    this.renderPromise = Promise.resolve();
  }
}
