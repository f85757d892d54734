import * as base from '@jupyter-widgets/base';
import { ManagerBase } from '@jupyter-widgets/base-manager';
import * as controls from '@jupyter-widgets/controls';
import { Widget } from '@lumino/widgets';
import * as anywidget from './anywidget';
import * as output from './output';

/** What a notebook has saved of its widgets: a model each, by id. */
export type SavedState = Parameters<ManagerBase['set_state']>[0];

type Module = Readonly<Record<string, unknown>>;

/** The modules of which there is a front end here; a report names any other before it is made. */
const MODULES: Readonly<Record<string, Module>> = {
  '@jupyter-widgets/base': base,
  '@jupyter-widgets/controls': controls,
  '@jupyter-widgets/output': output,
  anywidget
};

/** Widgets from their saved state: they move, and nobody hears of it. */
export class SavedWidgets extends ManagerBase {
  /** Show a widget in an element. */
  async show(state: SavedState, id: string, el: HTMLElement): Promise<void> {
    await this.set_state(state);
    const view = await this.create_view(await this.get_model(id));
    Widget.attach(view.luminoWidget, el);
  }

  protected async loadClass(name: string, module: string, _version: string): Promise<never> {
    const found = MODULES[module]?.[name];
    if (found === undefined) {
      throw new Error(`The report has no ${name} of ${module}.`);
    }
    return found as never;
  }

  protected async _get_comm_info(): Promise<Record<string, never>> {
    return {};
  }

  /** A line to a kernel that is not there: what is said into it is lost. */
  protected async _create_comm(target: string, id?: string): Promise<base.IClassicComm> {
    return {
      comm_id: id ?? '',
      target_name: target,
      open: () => '',
      send: () => '',
      close: () => '',
      on_msg: () => {},
      on_close: () => {}
    };
  }
}
