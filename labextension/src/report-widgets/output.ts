import { DOMWidgetModel, DOMWidgetView } from '@jupyter-widgets/base';
import { Widget } from '@lumino/widgets';

interface IOutput {
  output_type: string;
  text?: string | string[];
  data?: Readonly<Record<string, unknown>>;
  traceback?: string[];
}

const WIDGET = 'application/vnd.jupyter.widget-view+json';

/** What a notebook has printed into an output widget. */
export class OutputModel extends DOMWidgetModel {
  defaults(): Record<string, unknown> {
    return { ...super.defaults(), outputs: [], msg_id: '' };
  }
}

export class OutputView extends DOMWidgetView {
  render(): void {
    for (const one of this.model.get('outputs') as IOutput[]) {
      this._write(one);
    }
  }

  private _write(one: IOutput): void {
    const data = one.data ?? {};
    const child = data[WIDGET] as { model_id?: string } | undefined;
    const picture = ['image/png', 'image/jpeg'].find(media => media in data);
    if (child?.model_id !== undefined) {
      void this.model.widget_manager
        .get_model(child.model_id)
        .then(model => this.create_child_view(model))
        .then(view => Widget.attach(view.luminoWidget, this.el));
    } else if (picture !== undefined) {
      const image = document.createElement('img');
      image.src = `data:${picture};base64,${joined(data[picture])}`;
      this.el.append(image);
    } else if ('text/html' in data) {
      const part = document.createElement('div');
      // Inside of a sandbox whose policy allows none of its scripts.
      part.innerHTML = joined(data['text/html']);
      this.el.append(part);
    } else {
      const text = document.createElement('pre');
      text.textContent =
        joined(one.text) || joined(data['text/plain']) || (one.traceback ?? []).join('\n');
      this.el.append(text);
    }
  }
}

function joined(text: unknown): string {
  return Array.isArray(text) ? text.join('') : String(text ?? '');
}
