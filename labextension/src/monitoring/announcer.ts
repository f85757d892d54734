import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { IAlertRow, IAlerts } from '../api/monitoring';
import { MonitoringClient } from '../api/monitoring';
import type { LiveProject } from '../state/live';
import type { Resource } from '../state/resource';
import type { IProjectModel } from '../tokens';

/** Which alerts become notifications: a setting. */
export const LEVELS = ['warn', 'alert', 'never'] as const;
export type Level = (typeof LEVELS)[number];

/** An alert asks for more than a glance. */
const SHOWN_MS = 20_000;
/** More of one monitor at once are told in one notification. */
const APART = 2;

const GRAVITY: Record<IAlertRow['severity'], number> = { info: 1, warn: 2, alert: 3 };

export interface IAnnouncerOptions {
  projects: IProjectModel;
  trans: TranslationBundle;
  /** Show an alert, or a monitor with its alerts. */
  open: (project: string, monitor: string, alert: string | null) => void;
}

/**
 * Tells of each alert once, when it opens or turns graver while somebody has the project before them.
 *
 * Those that were open already when the project came are no news: *Needs you* shows them. Whether a
 * notification pops up or is only counted is JupyterLab's own setting (`doNotDisturbMode`).
 */
export class AlertAnnouncer implements IDisposable {
  constructor(private _options: IAnnouncerOptions) {
    _options.projects.changed.connect(this._follow, this);
    this._follow();
  }

  /** Warnings and alerts, alerts only, or none. */
  level: Level = 'warn';

  /** The alerts of this check are told elsewhere. */
  keepQuietAbout(run: string): void {
    this._told.add(run);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this._options.projects.changed.disconnect(this._follow, this);
    this._alerts?.dispose();
  }

  private _follow(): void {
    const { live } = this._options.projects;
    if (live === this._live) {
      return;
    }
    this._live = live;
    this._alerts?.dispose();
    this._known = null;
    this._since = Date.now();
    this._alerts =
      live?.resource<IAlerts>({
        load: client => new MonitoringClient(client).alerts({ status: 'open', limit: 200 }),
        concerns: ({ kind, ids }) => kind === 'alerts' || ids === null
      }) ?? null;
    this._alerts?.changed.connect(this._look, this);
  }

  private _look(): void {
    const { value, loading } = this._alerts!;
    if (value === null || loading || this._live === null) {
      return;
    }
    const open = value.alerts.filter(({ status }) => status === 'open');
    // The first answer may come late: what has opened before it, but in front of somebody, is news.
    const known =
      this._known ??
      gravities(open.filter(({ opened_at: at }) => at === null || Date.parse(at) < this._since));
    const graver = open.filter(({ id, severity }) => GRAVITY[severity] > (known.get(id) ?? 0));
    this._known = new Map([...known, ...gravities(graver)]);
    for (const [monitor, alerts] of byMonitor(graver.filter(one => this._isNews(one)))) {
      this._tell(this._live.key, monitor, alerts);
    }
  }

  private _isNews({ severity, run_id }: IAlertRow): boolean {
    const grave = this.level === 'warn' ? severity !== 'info' : severity === 'alert';
    return this.level !== 'never' && grave && !(run_id !== null && this._told.has(run_id));
  }

  private _tell(project: string, monitor: string, alerts: readonly IAlertRow[]): void {
    if (alerts.length <= APART) {
      for (const alert of alerts) {
        this._emit(project, monitor, alert.id, `${monitor}: ${alert.sentence}`, [alert]);
      }
    } else {
      const { trans } = this._options;
      const gravest = alerts.find(one => one.severity === 'alert') ?? alerts[0];
      const text = trans.__(
        '%1: %2 alerts opened. The first: %3',
        monitor,
        alerts.length,
        gravest.sentence
      );
      this._emit(project, monitor, null, text, alerts);
    }
  }

  private _emit(
    project: string,
    monitor: string,
    alert: string | null,
    text: string,
    alerts: readonly IAlertRow[]
  ): void {
    const { trans, open } = this._options;
    const type = alerts.some(one => one.severity === 'alert') ? 'error' : 'warning';
    Notification.emit(text, type, {
      autoClose: SHOWN_MS,
      actions: [{ label: trans.__('Open'), callback: () => open(project, monitor, alert) }]
    });
  }

  private _live: LiveProject | null = null;
  private _alerts: Resource<IAlerts> | null = null;
  /** How grave those were that were open since the project came; null before the first answer. */
  private _known: Map<string, number> | null = null;
  /** Since when somebody has the project before them, in ms since 1970. */
  private _since = 0;
  private _told = new Set<string>();
  private _isDisposed = false;
}

function gravities(alerts: readonly IAlertRow[]): Map<string, number> {
  return new Map(alerts.map(({ id, severity }) => [id, GRAVITY[severity]]));
}

function byMonitor(alerts: readonly IAlertRow[]): Map<string, IAlertRow[]> {
  const found = new Map<string, IAlertRow[]>();
  for (const alert of alerts) {
    found.set(alert.monitor, [...(found.get(alert.monitor) ?? []), alert]);
  }
  return found;
}
