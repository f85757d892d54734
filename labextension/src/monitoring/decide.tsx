import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';
import type { AlertVerb, IAlertRow } from '../api/monitoring';
import { MonitoringClient } from '../api/monitoring';
import { TOLD } from '../commands';
import { formatTime } from '../components';
import { askForm } from '../form-dialog';
import type { IFormProps } from '../form-dialog';
import type { LiveProject } from '../state/live';
import { asRequestError } from '../state/resource';
import { UNTIL, VERBS } from '../views/drift/act';

/** What a person decided. */
export interface IDecision {
  /** The alert's id. */
  alert: string;
  comment: string;
  /** How long it is silent; only of muting. */
  until: string;
}

/** Ask about an alert, or which of the open ones, and decide; null when nothing was decided. */
export async function decideAlert(
  live: LiveProject,
  verb: AlertVerb,
  id: string | undefined,
  trans: TranslationBundle
): Promise<IAlertRow | null> {
  const client = new MonitoringClient(live.client);
  try {
    const alerts = id === undefined ? await toChooseFrom(client, verb) : [await client.alert(id)];
    if (alerts.length === 0) {
      Notification.info(nothingTo(verb, trans), TOLD);
      return null;
    }
    if (!mayDo(verb, alerts[0].status)) {
      // Somebody else was quicker; what waits here is read again.
      Notification.info(decided(alerts[0], trans), TOLD);
      live.reload();
      return null;
    }
    const words = wordsOf(verb, trans);
    return await askForm<IDecision, IAlertRow>({
      title: words.title,
      accept: words.accept,
      initial: { alert: alerts[0].id, comment: '', until: '7d' },
      form: props => <DecideForm {...props} verb={verb} alerts={alerts} trans={trans} />,
      act: async ({ alert, comment, until }) => {
        const body = { comment: comment.trim(), ...(verb === 'mute' && { until }) };
        const row = await client.decide(verb, alert, body);
        live.reload(); // What waits for a person is counted elsewhere, too.
        return row;
      },
      trans
    });
  } catch (error) {
    const why = asRequestError(error).message;
    Notification.error(trans.__('The alert cannot be read: %1', why), TOLD);
    return null;
  }
}

async function toChooseFrom(client: MonitoringClient, verb: AlertVerb): Promise<IAlertRow[]> {
  const { alerts } = await client.alerts({
    status: verb === 'reopen' ? 'all' : 'open',
    limit: 200
  });
  return alerts.filter(({ status }) => mayDo(verb, status));
}

/** How an alert stands, after a decision. */
export function decided(
  row: Pick<IAlertRow, 'status' | 'muted_until'>,
  trans: TranslationBundle
): string {
  switch (row.status) {
    case 'acknowledged':
      return trans.__('It is acknowledged: it waits for nobody, unless it gets worse.');
    case 'muted':
      return row.muted_until === null
        ? trans.__('It is muted.')
        : trans.__('It is muted until %1.', formatTime(row.muted_until));
    case 'resolved':
      return trans.__('It is resolved.');
    case 'open':
      return trans.__('It is open.');
  }
}

/** Whether a decision says anything new of an alert. */
export function mayDo(verb: AlertVerb, status: IAlertRow['status']): boolean {
  return VERBS[status].includes(verb);
}

/** The dialog's content: which alert, what follows from the decision, and why. */
export function DecideForm(
  props: IFormProps<IDecision> & {
    verb: AlertVerb;
    /** One, or several to choose from. */
    alerts: readonly IAlertRow[];
    trans: TranslationBundle;
  }
): ReactElement {
  const { value, change, verb, alerts, trans } = props;
  const alert = alerts.find(one => one.id === value.alert) ?? alerts[0];
  return (
    <>
      {alerts.length > 1 && (
        <label className="jp-MlopsLab-field">
          <span>{trans.__('Alert')}</span>
          <select value={alert.id} onChange={event => change({ alert: event.target.value })}>
            {alerts.map(one => (
              <option key={one.id} value={one.id}>
                {[one.monitor, one.label, [one.kind, ...one.columns].join(' ')].join(' · ')}
              </option>
            ))}
          </select>
        </label>
      )}
      <p className="jp-MlopsLab-decide-said">
        <span className="jp-MlopsLab-small jp-MlopsLab-muted">
          {`${alert.monitor} · ${alert.label}`}
        </span>
        {alert.sentence}
      </p>
      {verb === 'mute' && (
        <label className="jp-MlopsLab-field">
          <span>{trans.__('Silent for')}</span>
          <select value={value.until} onChange={event => change({ until: event.target.value })}>
            {UNTIL.map(span => (
              <option key={span} value={span}>
                {trans._n('%1 day', '%1 days', Number.parseInt(span, 10))}
              </option>
            ))}
          </select>
        </label>
      )}
      <label className="jp-MlopsLab-field">
        <span>{trans.__('Comment')}</span>
        <input
          type="text"
          className="jp-mod-styled jp-mod-words"
          value={value.comment}
          placeholder={wordsOf(verb, trans).hint}
          onChange={event => change({ comment: event.target.value })}
        />
      </label>
      <p className="jp-MlopsLab-small jp-MlopsLab-muted">{wordsOf(verb, trans).follows}</p>
    </>
  );
}

interface IWords {
  title: string;
  accept: string;
  hint: string;
  follows: string;
}

function wordsOf(verb: AlertVerb, trans: TranslationBundle): IWords {
  switch (verb) {
    case 'acknowledge':
      return {
        title: trans.__('Acknowledge an alert'),
        accept: trans.__('Acknowledge'),
        hint: trans.__('what it is, who looks into it'),
        follows: trans.__(
          'It waits for nobody any more, unless it gets worse. It ends when it is quiet again, by a promotion, or by hand.'
        )
      };
    case 'mute':
      return {
        title: trans.__('Mute an alert'),
        accept: trans.__('Mute'),
        hint: trans.__('why nobody need hear of it'),
        follows: trans.__('Until then it says nothing; it goes on being watched.')
      };
    case 'resolve':
      return {
        title: trans.__('Resolve an alert'),
        accept: trans.__('Resolve'),
        hint: trans.__('what was done'),
        follows: trans.__('It is over. It comes back when a later chunk alarms.')
      };
    case 'reopen':
      return {
        title: trans.__('Reopen an alert'),
        accept: trans.__('Reopen'),
        hint: trans.__('why it matters after all'),
        follows: trans.__('It asks again: here, and in what needs you.')
      };
  }
}

function nothingTo(verb: AlertVerb, trans: TranslationBundle): string {
  return verb === 'reopen'
    ? trans.__('No alert is acknowledged, muted or resolved.')
    : trans.__('No alert of this project is open.');
}
