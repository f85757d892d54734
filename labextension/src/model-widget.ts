import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { WidgetTracker } from '@jupyterlab/apputils';
import { MainAreaWidget } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import type { ISignal } from '@lumino/signaling';
import type { ISidebar } from './tokens';

/** What asks the server only while somebody looks. */
export interface IAsking {
  active: boolean;
}

/** Ask only while the sidebar is open. */
export function askWhileOpen(sidebar: ISidebar, asking: IAsking): void {
  asking.active = sidebar.isVisible;
  sidebar.opened.connect((_, open) => {
    asking.active = open;
  });
}

/** What a view shows: it goes with the view, and tells when the layout has something new to keep. */
export interface IShownModel extends IDisposable {
  changed: ISignal<unknown, unknown>;
}

/** A view in the main area with its model: it asks for nothing while another tab covers it. */
export abstract class ModelWidget<M extends IShownModel> extends ReactWidget {
  constructor(
    readonly model: M,
    private _asking: IAsking
  ) {
    super();
    this.addClass('jp-MlopsLab-root');
    this.title.closable = true;
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.model.dispose();
      super.dispose();
    }
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._asking.active = true;
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._asking.active = this.isVisible;
  }

  protected onBeforeHide(message: Message): void {
    super.onBeforeHide(message);
    this._asking.active = false;
  }
}

/** The panel around the view with this id: the one that stands open, else a new one. */
export function panelOf<W extends ModelWidget<IShownModel>>(
  tracker: WidgetTracker<MainAreaWidget<W>>,
  id: string,
  make: () => W
): MainAreaWidget<W> {
  const found = tracker.find(panel => panel.content.id === id);
  if (found !== undefined) {
    return found;
  }
  const content = make();
  const panel = new MainAreaWidget({ content });
  panel.id = `${content.id}-panel`;
  panel.toolbar.hide();
  void tracker.add(panel);
  content.model.changed.connect(() => void tracker.save(panel));
  return panel;
}

/** Bring a panel to the front of the main area. */
export function showPanel(shell: JupyterFrontEnd.IShell, panel: MainAreaWidget): void {
  if (!panel.isAttached) {
    shell.add(panel, 'main', { type: 'MLOps Lab' });
  }
  shell.activateById(panel.id);
}
