import { DOMWidgetModel, DOMWidgetView } from '@jupyter-widgets/base';

type Handler = (...args: unknown[]) => void;
type CleanUp = void | (() => void | Promise<void>);

interface IWidget {
  initialize?: (context: object) => CleanUp | Promise<CleanUp>;
  render?: (context: object) => CleanUp | Promise<CleanUp>;
}

/** What the module of an anywidget exports; long ago its functions themselves. */
interface IModule extends IWidget {
  default?: IWidget | (() => IWidget | Promise<IWidget>);
}

/** A widget whose front end is a module in its own state. */
export class AnyModel extends DOMWidgetModel {
  /** Its module, imported once; from memory, because there is no other place. */
  program(): Promise<IModule> {
    this._program ??= importText(String(this.get('_esm') ?? ''));
    return this._program;
  }

  private _program: Promise<IModule> | undefined;
}

export class AnyView extends DOMWidgetView {
  render(): void {
    const css = document.createElement('style');
    css.textContent = String(this.model.get('_css') ?? '');
    this.el.append(css);
    const host = document.createElement('div');
    this.el.append(host);
    this._draw(host).catch((error: Error) => (host.textContent = error.message));
  }

  private async _draw(el: HTMLElement): Promise<void> {
    const program = await (this.model as unknown as AnyModel).program();
    const given = program.default;
    const widget: IWidget = typeof given === 'function' ? await given() : (given ?? program);
    const context = { model: this._adapted(), experimental: { invoke: nobody } };
    await widget.initialize?.(context);
    await widget.render?.({ ...context, el });
  }

  /** The part of a model that anywidget promises to its modules. */
  private _adapted(): object {
    const { model } = this;
    return {
      get: (key: string) => model.get(key) as unknown,
      set: (key: string, value: unknown) => model.set(key, value),
      save_changes: () => {},
      send: () => {},
      on: (event: string, handler: Handler) => model.on(event, handler),
      off: (event?: string | null, handler?: Handler | null) =>
        model.off(event ?? undefined, handler ?? undefined),
      widget_manager: model.widget_manager
    };
  }
}

async function importText(source: string): Promise<IModule> {
  if (/^https?:/.test(source)) {
    throw new Error('This widget’s program is elsewhere, and a report loads nothing.');
  }
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  try {
    return (await import(/* @vite-ignore */ url)) as IModule;
  } finally {
    URL.revokeObjectURL(url);
  }
}

function nobody(): Promise<never> {
  return Promise.reject(new Error('There is no kernel behind a report.'));
}
