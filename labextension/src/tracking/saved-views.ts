import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMime } from '@jupyterlab/rendermime';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IDisposable } from '@lumino/disposable';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import * as v from 'valibot';
import { Graph } from '../api/lineage';
import { AlertRow, Evaluation } from '../api/monitoring';
import { Card, Decisions, ModelPage, Models, VersionDetail } from '../api/registry';
import { NO_CURVES } from '../views/curves/state';
import { NO_DRIFT, NO_SELECTION as NOTHING_LOOKED_AT } from '../views/drift/state';
import { LocalModel } from '../views/model';
import type { IView } from '../views/model';
import { NO_REGISTRY, NO_SELECTION } from '../views/registry/state';

/** What a widget leaves in the saved notebook: which view it was, and what it showed. */
export const VIEW_MIME = 'application/vnd.mlops-lab.view+json';
const WIDGET_MIME = 'application/vnd.jupyter.widget-view+json';

const Value = v.union([v.number(), v.picklist(['NaN', 'Infinity', '-Infinity']), v.null()]);
const Curves = v.object({
  series: v.array(
    v.object({
      key: v.string(),
      steps: v.array(v.nullable(v.number())),
      times_ms: v.array(v.number()),
      values: v.array(Value),
      n: v.number(),
      downsampled: v.boolean()
    })
  ),
  run: v.nullable(v.object({ id: v.string(), name: v.string(), status: v.string() })),
  planned: v.nullable(v.number()),
  origin_ms: v.nullable(v.number()),
  x: v.picklist(['step', 'time']),
  log_scale: v.array(v.string())
});
const SavedCurves = v.object({ view: v.literal('curves'), version: v.literal(1), state: Curves });

const Selection = v.object({
  model: v.nullable(v.string()),
  version: v.nullable(v.number()),
  part: v.picklist(['versions', 'compare', 'history', 'card']),
  other: v.nullable(v.number())
});
/** What is read of it is what the server would have sent: the same schemas. */
const RegistryState = v.object({
  models: Models,
  pages: v.record(v.string(), ModelPage),
  details: v.record(v.string(), VersionDetail),
  lineages: v.record(v.string(), Graph),
  cards: v.record(v.string(), Card),
  decisions: v.nullable(Decisions),
  updated_ms: v.nullable(v.number()),
  selection: v.fallback(Selection, NO_SELECTION)
});
const SavedRegistry = v.object({
  view: v.literal('registry'),
  version: v.literal(1),
  state: RegistryState
});
const Looked = v.object({
  column: v.nullable(v.string()),
  from: v.nullable(v.number()),
  until: v.nullable(v.number()),
  alert: v.nullable(v.string()),
  measure: v.picklist(['effect', 'wasserstein', 'psi']),
  part: v.picklist(['features', 'segments', 'fairness', 'calibration', 'table'])
});
const Watched = v.object({
  name: v.string(),
  model: v.nullable(v.string()),
  schedule: v.nullable(v.string()),
  next_at: v.nullable(v.string())
});
const DriftState = v.object({
  evaluation: v.nullable(Evaluation),
  alerts: v.nullable(v.array(AlertRow)),
  monitor: v.nullable(Watched),
  yaml: v.nullable(v.string()),
  updated_ms: v.nullable(v.number()),
  selection: v.fallback(Looked, NOTHING_LOOKED_AT)
});
const SavedDrift = v.object({ view: v.literal('drift'), version: v.literal(1), state: DriftState });
const Saved = v.variant('view', [SavedCurves, SavedRegistry, SavedDrift]);

/** Draws a view into a node; returns how to take it away. */
type Draw = (node: HTMLElement) => () => void;

/** How the view that an output holds is read and drawn; null when it is not ours, or a later one. */
export function savedView(data: unknown): (() => Promise<Draw>) | null {
  const result = v.safeParse(Saved, data);
  if (!result.success) {
    return null;
  }
  const saved = result.output;
  if (saved.view === 'curves') {
    const state = { ...NO_CURVES, ...saved.state };
    return async () => drawing((await import('../views/curves')).default, state);
  }
  if (saved.view === 'drift') {
    const { monitor, selection } = saved.state;
    const state = {
      ...NO_DRIFT,
      ...saved.state,
      loaded: true,
      monitor: monitor === null ? null : { ...monitor, running: null },
      selection: { ...NOTHING_LOOKED_AT, ...selection }
    };
    return async () => drawing((await import('../views/drift')).default, state);
  }
  const selection = { ...saved.state.selection, sheet: null };
  const state = { ...NO_REGISTRY, ...saved.state, selection };
  return async () => drawing((await import('../views/registry')).default, state);
}

function drawing<S extends object>(view: IView<S>, state: S): Draw {
  return node => view.render({ model: new LocalModel(state), el: node });
}

/** A node with one view at most: programs come late, and meanwhile another may be asked for. */
export class Stage {
  constructor(private _node: HTMLElement) {}

  async show(read: () => Promise<Draw>): Promise<void> {
    this.clear();
    const turn = this._turn;
    const draw = await read();
    if (turn === this._turn) {
      this._node.replaceChildren();
      this._remove = draw(this._node);
    }
  }

  /** Take away what stands there, and let nothing come that was asked for before. */
  clear(): void {
    this._turn += 1;
    this._remove?.();
    this._remove = undefined;
  }

  private _turn = 0;
  private _remove?: () => void;
}

/** A saved view as an output of its own, where nobody knows widgets. */
class SavedView extends Widget implements IRenderMime.IRenderer {
  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const read = savedView(model.data[VIEW_MIME]);
    if (read !== null) {
      await this._stage.show(read);
    } else {
      this._stage.clear();
      this.node.textContent = String(model.data['text/plain'] ?? '');
    }
  }

  protected onBeforeDetach(message: Message): void {
    super.onBeforeDetach(message);
    this._stage.clear();
  }

  private _stage = new Stage(this.node);
}

/**
 * A notebook that is opened again has the outputs of its widgets but seldom their models: where the
 * widget manager gives up, the view is drawn from what was saved beside it.
 */
export function fallBack(rendermime: IRenderMimeRegistry): void {
  const create = rendermime.createRenderer.bind(rendermime);
  rendermime.createRenderer = mime => {
    const renderer = create(mime);
    return mime === WIDGET_MIME ? withSavedView(renderer) : renderer;
  };
}

/** The same renderer (the widget manager looks for its own class), told what to do on failure. */
function withSavedView(renderer: IRenderMime.IRenderer): IRenderMime.IRenderer {
  const render = renderer.renderModel.bind(renderer);
  const stage = new Stage(renderer.node);
  renderer.renderModel = async model => {
    stage.clear();
    await render(model);
    const read = savedView(model.data[VIEW_MIME]);
    if (read !== null && renderer.node.textContent?.startsWith('Error displaying')) {
      await stage.show(read);
    }
  };
  renderer.disposed.connect(() => stage.clear());
  return renderer;
}

/** Views of notebooks that are opened without the kernel that made them. */
export const savedViewsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'mlops-lab:saved-views',
  description: 'Shows the views that a saved notebook holds, without its kernel.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  activate: (app: JupyterFrontEnd, rendermime: IRenderMimeRegistry): void => {
    rendermime.addFactory(
      {
        safe: true,
        mimeTypes: [VIEW_MIME],
        createRenderer: () => new SavedView()
      },
      // Behind widgets, before pictures and HTML.
      40
    );
    const extension: DocumentRegistry.IWidgetExtension<NotebookPanel, DocumentRegistry.IModel> = {
      createNew: (panel): IDisposable | void => fallBack(panel.content.rendermime)
    };
    app.docRegistry.addWidgetExtension(
      'Notebook',
      extension as unknown as DocumentRegistry.WidgetExtension
    );
  }
};
