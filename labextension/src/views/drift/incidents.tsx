import { useState } from 'react';
import type { ReactElement } from 'react';
import { Age } from '../../components/age';
import { Badge } from '../../components/badge';
import { Block } from '../../components/block';
import { MONTHS } from '../../components/format';
import { Icon } from '../../components/icon';
import { onEnter, useRoving } from '../roving';
import { useValue } from '../hooks';
import type { IModel } from '../model';
import { useText } from '../text';
import type { Translate } from '../text';
import { Act } from './act';
import type { ISaid } from './context';
import { useShown } from './context';
import { Copied, useCopy } from './copy';
import { chosenIncident, incidentKey, lookAt, place } from './facts';
import { useHost } from './host';
import { KINDS, severityText } from './lane';
import type { IAlertRow, IDriftState, IIncident } from './state';

/** So many sections of an explanation are open at first. */
const SECTIONS = 2;
const FEW = 8;

/** What fired, and why. */
export function Incidents(props: {
  model: IModel<IDriftState>;
  onSaid: (said: ISaid) => void;
}): ReactElement {
  const { model, onSaid } = props;
  const t = useText();
  const { evaluation, selection } = useShown();
  const { choose } = useHost();
  const alerts = useValue(model, 'alerts');
  const { ref, onKeyDown } = useRoving<HTMLTableSectionElement>();
  const [all, setAll] = useState(false);
  const incidents = evaluation.alerts;
  const chosen = chosenIncident(evaluation, selection);
  const loud = incidents.filter(one => one.severity !== 'info').length;
  const seen = all ? incidents : incidents.slice(0, FEW);
  const open = (incident: IIncident) => choose(lookAt(evaluation, incident));
  return (
    <>
      <Block
        title={t('Incidents')}
        note={
          incidents.length === 0
            ? ''
            : t(
                '%1 in %2 chunks',
                countText(loud, incidents.length - loud, t),
                evaluation.chunks.length
              )
        }
      >
        {incidents.length === 0 ? (
          <p className="jp-MlopsLab-small jp-MlopsLab-muted">
            {t('Nothing left its natural range for long enough to alarm.')}
          </p>
        ) : (
          <table className="jp-MlopsLab-drift-incidents" aria-label={t('Incidents')}>
            <tbody ref={ref} onKeyDown={onKeyDown}>
              {seen.map((incident, i) => {
                const key = incidentKey(incident);
                const row = rowOf(incident, alerts);
                const shown = chosen !== null && incidentKey(chosen) === key;
                return (
                  <tr
                    key={key}
                    data-row={key}
                    tabIndex={shown || (chosen === null && i === 0) ? 0 : -1}
                    aria-selected={shown}
                    title={incident.sentence}
                    onClick={() => open(incident)}
                    onKeyDown={onEnter(() => open(incident))}
                  >
                    <td className={`jp-mod-${incident.severity}`}>
                      <Icon
                        name={incident.kind === 'quality' ? 'table' : 'alert'}
                        size={14}
                        label={severityText(incident, t)}
                      />
                    </td>
                    <td className="jp-MlopsLab-drift-when">
                      {shortWhen(evaluation.chunks, incident)}
                    </td>
                    <th scope="row">{t(KINDS[incident.kind] ?? incident.kind)}</th>
                    <td className="jp-MlopsLab-ellipsis jp-MlopsLab-muted">
                      {incident.columns.join(', ') || incident.segment || ''}
                    </td>
                    <td className="jp-MlopsLab-num jp-MlopsLab-muted">
                      {statusText(incident, row, t)}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        )}
        {incidents.length > FEW && (
          <button
            type="button"
            className="jp-MlopsLab-link jp-MlopsLab-small"
            aria-expanded={all}
            onClick={() => setAll(!all)}
          >
            {all ? t('Show the first %1', FEW) : t('Show all %1', incidents.length)}
          </button>
        )}
      </Block>
      {chosen !== null && (
        <Explained
          key={incidentKey(chosen)}
          model={model}
          incident={chosen}
          row={rowOf(chosen, alerts)}
          onSaid={onSaid}
        />
      )}
    </>
  );
}

/** Why it fired, section by section; and what a person can do about it. */
function Explained(props: {
  model: IModel<IDriftState>;
  incident: IIncident;
  row: IAlertRow | null;
  onSaid: (said: ISaid) => void;
}): ReactElement {
  const { incident, row, onSaid } = props;
  const t = useText();
  const { evaluation } = useShown();
  const { alive, opens, ask } = useHost();
  const [whole, setWhole] = useState(false);
  const [copied, copy] = useCopy();
  const sections = whole ? incident.sections : incident.sections.slice(0, SECTIONS);
  const rest = incident.sections.length - sections.length;
  const chunk = place(evaluation, incident.first);
  const when = chunk === null ? incident.first : evaluation.chunks[chunk].label;
  const run = row?.run_id ?? null;
  const text = () =>
    [
      incident.sentence,
      ...incident.sections.flatMap(({ title, lines }) => ['', title, ...lines])
    ].join('\n');
  return (
    <section
      className="jp-MlopsLab-block jp-MlopsLab-drift-explained"
      aria-label={t('Explain this alert')}
    >
      <div className="jp-MlopsLab-block-head">
        <h2 className="jp-MlopsLab-h2">{t('Explain this alert')}</h2>
        <span className="jp-MlopsLab-small jp-MlopsLab-muted jp-MlopsLab-ellipsis" title={when}>
          {when}
        </span>
        <span className="jp-MlopsLab-block-aside">
          <Status incident={incident} row={row} />
          <Copied copied={copied} />
          <button
            type="button"
            className="jp-MlopsLab-icon-button"
            aria-label={t('Copy the explanation')}
            title={copied ? t('Copied') : t('Copy the explanation')}
            onClick={() => copy(text())}
          >
            <Icon name={copied ? 'check' : 'copy'} size={14} />
          </button>
        </span>
      </div>
      <p className="jp-MlopsLab-drift-sentence">{incident.sentence}</p>
      {sections.map(({ title, lines }, n) => (
        <div key={n} className="jp-MlopsLab-drift-section">
          <h3>{title}</h3>
          {lines.map((line, i) => (
            <p key={i}>{line}</p>
          ))}
        </div>
      ))}
      {(rest > 0 || whole) && incident.sections.length > SECTIONS && (
        <button
          type="button"
          className="jp-MlopsLab-link jp-MlopsLab-small"
          aria-expanded={whole}
          onClick={() => setWhole(!whole)}
        >
          {whole
            ? t('Show less')
            : t(
                'Show %1',
                incident.sections
                  .slice(SECTIONS)
                  .map(one => one.title.toLowerCase())
                  .join(', ')
              )}
        </button>
      )}
      {row !== null && row.comment !== null && row.comment !== '' && (
        <blockquote className="jp-MlopsLab-drift-comment">
          {row.comment}
          <footer className="jp-MlopsLab-micro jp-MlopsLab-muted">
            {row.by} <Age at={row.updated_at} />
          </footer>
        </blockquote>
      )}
      {alive && run !== null && opens.includes('run') && (
        <div>
          <button
            type="button"
            className="jp-MlopsLab-button jp-mod-small"
            onClick={() => void ask({ verb: 'open', node: `run:${run}` })}
          >
            <Icon name="run" size={14} />
            {t('Open the check')}
          </button>
        </div>
      )}
      {row !== null && <Act row={row} onSaid={onSaid} />}
    </section>
  );
}

function Status({ incident, row }: { incident: IIncident; row: IAlertRow | null }): ReactElement {
  const t = useText();
  const status = row?.status ?? incident.status ?? (incident.open ? 'open' : 'resolved');
  switch (status) {
    case 'open':
      return incident.severity === 'info' ? (
        <Badge>{t('info')}</Badge>
      ) : (
        <Badge tone={incident.severity === 'alert' ? 'bad' : 'warn'} icon="alert">
          {t('open')}
        </Badge>
      );
    case 'acknowledged':
      return (
        <Badge tone="warn" icon="check">
          {t('acknowledged')}
        </Badge>
      );
    case 'muted':
      return (
        <Badge icon="waiting" title={row?.muted_until ?? undefined}>
          {t('muted')}
        </Badge>
      );
    default:
      return (
        <Badge tone="good" icon="passed">
          {row === null && incident.status === null ? t('over') : t('resolved')}
        </Badge>
      );
  }
}

/** The alert that an incident opened, as its monitor keeps it now. */
export function rowOf(incident: IIncident, alerts: readonly IAlertRow[] | null): IAlertRow | null {
  return (
    alerts?.find(one => one.id === incident.id) ??
    alerts?.find(one => one.key === incident.key && one.chunk === incident.first) ??
    null
  );
}

function statusText(incident: IIncident, row: IAlertRow | null, t: Translate): string {
  const status = row?.status ?? incident.status ?? (incident.open ? 'open' : 'over');
  return t(status);
}

function shortWhen(chunks: readonly { key: string; label: string }[], incident: IIncident): string {
  const found = chunks.find(chunk => chunk.key === incident.first);
  const [, month, day] = /^\d{4}-(\d\d)-(\d\d)$/.exec(incident.first) ?? [];
  return month === undefined
    ? (found?.label ?? incident.first)
    : `${Number(day)} ${MONTHS[Number(month) - 1] ?? month}`;
}

function countText(loud: number, info: number, t: Translate): string {
  return info === 0 ? String(loud) : t('%1 and %2 for information', loud, info);
}
