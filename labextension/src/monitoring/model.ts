import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { Answered } from '../answering';
import { answerWith } from '../answering';
import type { IAlertRow, IEvaluation, IMonitorPage } from '../api/monitoring';
import { MonitoringClient } from '../api/monitoring';
import type { IMe } from '../api/registry';
import { RegistryClient } from '../api/registry';
import type { RequestError } from '../api/request';
import type { LiveProject } from '../state/live';
import type { Resource } from '../state/resource';
import { asRequestError } from '../state/resource';
import { chosenIncident, lookAt } from '../views/drift/facts';
import { NO_DRIFT } from '../views/drift/state';
import type { IDriftState, IRequest } from '../views/drift/state';
import { LocalModel } from '../views/model';
import { decided } from './decide';

/** What the drift view asks of the application around it. */
export interface IMonitorActions {
  /** Show what a node stands for: `run:<id>`, `model:gbm@2`, `monitor:delay`. */
  open(node: string): void;
  /** Put a line into a notebook. */
  insert(line: string): void;
  /** Make a report of what is shown; null where nobody can. */
  report: ((what: string) => void) | null;
}

/** What is read together, so that its parts agree. */
interface IRead {
  page: IMonitorPage;
  evaluation: IEvaluation | null;
  /** The run whose evaluation it is. */
  run: string | null;
  alerts: readonly IAlertRow[] | null;
  me: IMe | null;
  /** Why a part is missing. */
  error: RequestError | null;
}

/** A monitor in JupyterLab: the host of the drift view, over REST. */
export class MonitorModel implements IDisposable {
  constructor(
    readonly project: LiveProject,
    readonly name: string,
    private _actions: IMonitorActions,
    private _trans: TranslationBundle
  ) {
    this._client = new MonitoringClient(project.client);
    this.view = new LocalModel<IDriftState>({
      ...NO_DRIFT,
      place: 'panel',
      opens: ['run', 'dataset', 'model', 'monitor'],
      inserts: true,
      reports: _actions.report !== null
    });
    this.data = project.resource<IRead>({
      load: () => this._read(),
      concerns: ({ kind, ids }) =>
        ids === null ||
        kind === 'alerts' ||
        (kind === 'monitors' && ids.includes(name)) ||
        // A check that ends badly leaves no evaluation: only its run says that it has ended.
        (kind === 'runs' && ids.includes(this.page?.running ?? '')),
      active: false
    });
    this.data.changed.connect(this._onData, this);
    this._stopAnswering = answerWith<IRequest>(this.view, request => this._do(request));
  }

  /** What the view and this share. */
  readonly view: LocalModel<IDriftState>;
  readonly data: Resource<IRead>;

  /** Emitted when what stands around the view has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The monitor as it was last read. */
  get page(): IMonitorPage | null {
    return this.data.value?.page ?? null;
  }

  /** The check that is shown, by its run; null: the newest. */
  get run(): string | null {
    return this._run;
  }

  /** Show what an older check found, or the newest again. */
  choose(run: string | null): void {
    if (run !== this._run) {
      this._run = run;
      // The chunks of one check are not those of another.
      const selection = this.view.get('selection');
      this.view.set('selection', { ...selection, from: null, until: null, alert: null });
      this.data.invalidate();
      this._changed.emit();
    }
  }

  /** Show why an alert is open, as soon as that has been read: what the newest check says of it. */
  explain(alert: string): void {
    this._explained = alert;
    if (this._run === null) {
      this._select();
    } else {
      this.choose(null);
    }
  }

  /** The alert that is explained. */
  get alert(): IAlertRow | null {
    const evaluation = this.view.get('evaluation');
    const chosen =
      evaluation === null ? null : chosenIncident(evaluation, this.view.get('selection'));
    return this.data.value?.alerts?.find(({ id }) => id === chosen?.id) ?? null;
  }

  get isDisposed(): boolean {
    return this.data.isDisposed;
  }

  dispose(): void {
    this._stopAnswering();
    this.data.dispose();
    Signal.clearData(this);
  }

  private async _read(): Promise<IRead> {
    const known = this.data.value;
    let error: RequestError | null = null;
    const attempt = async <T>(load: () => Promise<T>): Promise<T | null> => {
      try {
        return await load();
      } catch (failure) {
        error ??= asRequestError(failure);
        return null;
      }
    };
    const [page, alerts, me] = await Promise.all([
      this._client.monitor(this.name),
      attempt(() => this._client.alerts({ status: 'all', monitor: this.name, limit: 200 })),
      known?.me ?? attempt(() => new RegistryClient(this.project.client).me())
    ]);
    const run = this._run ?? page.evaluations[0]?.run_id ?? null;
    const same = known !== null && known.run === run && known.evaluation !== null;
    // What a check found does not change; only which alerts it has opened is decided later.
    const evaluation = same
      ? known.evaluation
      : run === null
        ? null
        : await attempt(() => this._client.evaluation(this.name, run));
    return { page, evaluation, run, alerts: alerts?.alerts ?? null, me, error };
  }

  private _onData(): void {
    const { value, error, loadedAt, loading } = this.data;
    if (loading) {
      return;
    }
    const { view } = this;
    view.set('error', (error ?? value?.error)?.message ?? null);
    if (value !== null && value !== this._shown) {
      this._shown = value;
      const { page } = value;
      view.set('updated_ms', loadedAt);
      view.set('me', value.me);
      view.set('yaml', page.yaml === '' ? null : page.yaml);
      view.set('monitor', {
        name: page.name,
        model: page.model,
        schedule: page.schedule,
        next_at: page.next_at,
        running: page.running
      });
      view.set('alerts', value.alerts);
      view.set('evaluation', value.evaluation);
      view.set('loaded', true);
      this._select();
    }
    this._changed.emit();
  }

  /** Turn to the alert that is to be explained, its chunks and its feature, where the evaluation has it. */
  private _select(): void {
    const { value } = this.data;
    if (this._explained === null || value === null || value.evaluation === null) {
      return;
    }
    const row = value.alerts?.find(({ id }) => id === this._explained);
    const incidents = value.evaluation.alerts;
    const incident =
      incidents.find(({ id }) => id === this._explained) ??
      incidents.find(({ key, first }) => key === row?.key && first === row?.chunk) ??
      incidents.find(({ key }) => key === row?.key);
    this._explained = null;
    if (incident !== undefined) {
      const selection = this.view.get('selection');
      this.view.set('selection', { ...selection, ...lookAt(value.evaluation, incident) });
    }
  }

  private async _do(request: IRequest): Promise<Answered> {
    const trans = this._trans;
    switch (request.verb) {
      case 'hello':
        return '';
      case 'refresh':
        await this.data.refresh();
        return '';
      case 'open':
        this._actions.open(request.node);
        return '';
      case 'insert':
        this._actions.insert(request.text);
        return '';
      case 'report':
        this._actions.report?.(`monitor:${this.name}`);
        return '';
      case 'check':
        await this._client.check(this.name);
        this.project.reload();
        await this.data.refresh();
        return trans.__('It looks now: what it finds appears here.');
      case 'window': {
        if (this._run !== null) {
          // The server counts what the newest check saw; an older one has its bins.
          throw new Error(trans.__('Of an older check only what it kept is at hand.'));
        }
        const { from, until, segment, column } = request;
        const result = await this._client.window(this.name, { from, until, segment, column });
        return { sentence: '', result };
      }
      default: {
        const { verb, alert, comment, until } = request;
        const row = await this._client.decide(verb, alert, {
          comment,
          ...(until !== undefined && { until })
        });
        this.project.reload();
        await this.data.refresh();
        return decided(row, trans);
      }
    }
  }

  private _client: MonitoringClient;
  private _stopAnswering: () => void;
  private _run: string | null = null;
  private _explained: string | null = null;
  private _shown: IRead | null = null;
  private _changed = new Signal<this, void>(this);
}
