import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import { answerWith } from '../answering';
import { readLineage } from '../api/lineage';
import type { ICard, IDecisions, IMe, IModelPage, IModels, IVersionDetail } from '../api/registry';
import { RegistryClient } from '../api/registry';
import type { IGraph } from '../api/lineage';
import type { RequestError } from '../api/request';
import type { LiveProject } from '../state/live';
import { asRequestError, type Resource } from '../state/resource';
import { LocalModel } from '../views/model';
import { NO_REGISTRY, NO_SELECTION, refOf } from '../views/registry/state';
import type { IRegistryState, IRequest, ISelection } from '../views/registry/state';

/** What the registry browser asks of the application around it. */
export interface IRegistryActions {
  /** Show a run or a dataset: `run:<id>`, `dataset:flights@3`. */
  open(node: string): void;
  /** Make a report of `model:flight-delay@2`. */
  report(what: string): void;
  /** Put a line into a notebook. */
  insert(line: string): void;
}

/** What is read together, so that its parts agree. */
interface IRead {
  models: IModels;
  decisions: IDecisions | null;
  me: IMe | null;
  pages: Record<string, IModelPage>;
  details: Record<string, IVersionDetail>;
  lineages: Record<string, IGraph>;
  cards: Record<string, ICard>;
  /** Why a part is missing. */
  error: RequestError | null;
}

/** The host of the registry browser in JupyterLab: reads what is selected, takes what is decided. */
export class RegistryModel implements IDisposable {
  constructor(
    readonly project: LiveProject,
    private _actions: IRegistryActions,
    private _trans: TranslationBundle,
    selection: Partial<ISelection> = {}
  ) {
    this._client = new RegistryClient(project.client);
    this.view = new LocalModel<IRegistryState>({
      ...NO_REGISTRY,
      place: 'panel',
      opens: ['run', 'dataset', 'report'],
      inserts: true,
      selection: { ...NO_SELECTION, ...selection }
    });
    this.data = project.resource<IRead>({
      load: () => this._read(),
      concerns: ({ kind, ids }) => {
        const concerned = kind === 'models' || ids === null;
        this._stale ||= concerned;
        return concerned;
      },
      active: false
    });
    this.data.changed.connect(this._onData, this);
    this.view.on('change:selection', this._onSelection);
    this._stopAnswering = answerWith<IRequest>(this.view, request => this._do(request));
  }

  /** What the view and this share. */
  readonly view: LocalModel<IRegistryState>;
  readonly data: Resource<IRead>;

  /** Emitted when the selection has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get selection(): ISelection {
    return this.view.get('selection');
  }

  /** Look at something else. */
  select(change: Partial<ISelection>): void {
    this.view.set('selection', { ...this.selection, ...change });
  }

  get isDisposed(): boolean {
    return this.data.isDisposed;
  }

  dispose(): void {
    this.view.off('change:selection', this._onSelection);
    this._stopAnswering();
    this.data.dispose();
    Signal.clearData(this);
  }

  /** Read what is selected, and of what was read before only what may have changed. */
  private async _read(): Promise<IRead> {
    const known = this._stale ? null : this.data.value;
    this._stale = false;
    try {
      return await this._readBeside(known);
    } catch (error) {
      this._stale = true;
      throw error;
    }
  }

  private async _readBeside(known: IRead | null): Promise<IRead> {
    const { model, version, other, part } = this.selection;
    let problem: RequestError | null = null;
    // A part that cannot be read leaves the others as they are.
    const attempt = async <T>(load: () => Promise<T>): Promise<T | null> => {
      try {
        return await load();
      } catch (error) {
        const failure = asRequestError(error);
        // What is not there is no failure: the list of models says what there is.
        problem ??= failure.status === 404 ? null : failure;
        return null;
      }
    };
    const client = this._client;
    const named = async <T>(
      before: Record<string, T> | undefined,
      wanted: readonly (readonly [string, () => Promise<T>])[]
    ): Promise<Record<string, T>> => {
      const found = { ...before };
      const missing = wanted.filter(([name]) => !(name in found));
      await Promise.all(
        missing.map(async ([name, load]) => {
          const value = await attempt(load);
          if (value !== null) {
            found[name] = value;
          }
        })
      );
      return found;
    };
    const versions = [version, part === 'compare' ? other : null]
      .filter(one => one !== null)
      .map(one => [model ?? '', one] as const);
    const [models, decisions, me, pages, details, lineages, cards] = await Promise.all([
      known?.models ?? client.models(),
      known?.decisions ?? attempt(() => client.decisions()),
      known?.me ?? attempt(() => client.me()),
      named(known?.pages, model === null ? [] : [[model, () => client.model(model)]]),
      named(
        known?.details,
        model === null
          ? []
          : versions.map(([name, n]) => [refOf(name, n), () => client.version(name, n)] as const)
      ),
      named(
        known?.lineages,
        model === null || version === null
          ? []
          : [
              [
                refOf(model, version),
                () => readLineage(this.project.client, `model:${refOf(model, version)}`)
              ]
            ]
      ),
      named(
        known?.cards,
        model === null || version === null || part !== 'card'
          ? []
          : [[refOf(model, version), () => client.card(model, version)]]
      )
    ]);
    return { models, decisions, me, pages, details, lineages, cards, error: problem };
  }

  private _onData(): void {
    const { value, error, loadedAt } = this.data;
    if (this.data.loading) {
      return;
    }
    const view = this.view;
    view.set('error', (error ?? value?.error)?.message ?? null);
    if (value !== null && value !== this._shown) {
      this._shown = value;
      view.set('updated_ms', loadedAt);
      view.set('decisions', value.decisions);
      view.set('me', value.me);
      view.set('pages', value.pages);
      view.set('details', value.details);
      view.set('lineages', value.lineages);
      view.set('cards', value.cards);
      view.set('models', value.models);
    }
  }

  private _onSelection = (): void => {
    this.data.invalidate();
    this._changed.emit();
  };

  private async _do(request: IRequest): Promise<string> {
    const client = this._client;
    switch (request.verb) {
      case 'hello':
        return '';
      case 'refresh':
        await this._again();
        return '';
      case 'open':
        this._actions.open(request.node);
        return '';
      case 'report':
        this._actions.report(`model:${refOf(request.model, request.version)}`);
        return '';
      case 'insert':
        this._actions.insert(request.text);
        return '';
      case 'card':
        await client.editCard(request.model, request.sections);
        await this._again();
        return this._trans.__('The card is saved.');
      case 'note':
        await client.editVersion(request.model, request.version, { note: request.text });
        await this._again();
        return this._trans.__('The note is saved.');
      default: {
        const { verb, model, version, alias, digest, text } = request;
        const { sentence } = await (verb === 'promote'
          ? client.promote(model, alias, { version, digest, reason: text })
          : verb === 'rollback'
            ? client.rollback(model, alias, { version, reason: text })
            : client.decide(verb, model, version, { alias, digest, comment: text }));
        await this._again();
        return sentence;
      }
    }
  }

  /** Read everything anew; the rest of the page hears of it by the server's event. */
  private async _again(): Promise<void> {
    this._stale = true;
    await this.data.refresh();
  }

  private _client: RegistryClient;
  private _stopAnswering: () => void;
  private _stale = true;
  private _shown: IRead | null = null;
  private _changed = new Signal<this, void>(this);
}

/** What the arguments ask to look at: they come from menus, links and a saved layout. */
export function selectionOf(args: Readonly<Record<string, unknown>>): Partial<ISelection> | null {
  const { name, version, review } = args;
  if (typeof name !== 'string') {
    return null;
  }
  return {
    model: name,
    version: typeof version === 'number' ? version : null,
    part: 'versions',
    sheet: typeof review === 'string' ? { verb: 'promote', alias: review } : null
  };
}
