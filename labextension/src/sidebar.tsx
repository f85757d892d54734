import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { Fragment } from 'react';
import type { ReactElement } from 'react';
import { CATEGORY, CommandIDs } from './commands';
import { labIcon } from './icons';
import type { ISidebarPart } from './tokens';
import { ISidebar } from './tokens';

/** The sidebar: a frame for the parts that the concepts add. */
export class SidebarPanel extends ReactWidget implements ISidebar {
  constructor(caption: string) {
    super();
    this.id = 'mlops-lab-sidebar';
    this.title.icon = labIcon;
    this.title.caption = caption;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', caption);
    this.addClass('jp-MlopsLab-root');
    this.addClass('jp-MlopsLab-sidebar');
    // Clicks on a part that takes no keyboard leave it with the panel, whose keys go on working.
    this.node.tabIndex = -1;
  }

  get opened(): ISignal<this, boolean> {
    return this._opened;
  }

  add(part: ISidebarPart): void {
    this._parts.push(part);
    this._parts.sort((a, b) => a.rank - b.rank);
    this.update();
  }

  get badge(): number {
    return this._badge;
  }
  set badge(count: number) {
    if (count !== this._badge) {
      this._badge = count;
      // The style draws it on the activity bar's icon.
      const dataset = { ...this.title.dataset };
      delete dataset.mlopsbadge;
      this.title.dataset =
        count > 0 ? { ...dataset, mlopsbadge: count > 99 ? '99+' : String(count) } : dataset;
    }
  }

  protected render(): ReactElement {
    return (
      <>
        {this._in('top')}
        <div className="jp-MlopsLab-body">{this._in('body')}</div>
        {this._in('bottom')}
      </>
    );
  }

  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    const target = this.node.querySelector<HTMLElement>('.jp-MlopsLab-runrow[tabindex="0"]');
    (target ?? this.node).focus({ preventScroll: true });
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._opened.emit(true);
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._opened.emit(false);
  }

  private _in(area: ISidebarPart['area']): ReactElement[] {
    return this._parts
      .filter(part => part.area === area)
      .map((part, index) => <Fragment key={index}>{part.render()}</Fragment>);
  }

  private _parts: ISidebarPart[] = [];
  private _badge = 0;
  private _opened = new Signal<this, boolean>(this);
}

/** The panel in the left area; what it shows comes from the concepts' plugins. */
export const sidebar: JupyterFrontEndPlugin<ISidebar> = {
  id: 'mlops-lab:sidebar',
  description: 'The MLOps Lab sidebar.',
  autoStart: true,
  provides: ISidebar,
  optional: [ILayoutRestorer, ICommandPalette, ITranslator],
  activate: (
    app,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('mlops_lab');
    const panel = new SidebarPanel(trans.__('MLOps Lab'));
    app.shell.add(panel, 'left', { rank: 600, type: 'MLOps Lab' });
    restorer?.add(panel, panel.id);
    app.commands.addCommand(CommandIDs.openSidebar, {
      label: trans.__('Show MLOps Lab'),
      caption: trans.__('Show the runs of the current project'),
      icon: labIcon,
      execute: () => app.shell.activateById(panel.id)
    });
    palette?.addItem({ command: CommandIDs.openSidebar, category: CATEGORY });
    return panel;
  }
};
