import { memo } from 'react';
import type { ReactElement } from 'react';
import { Icon } from '../../components/icon';
import type { IconName } from '../../components/icon-paths';
import { useText } from '../text';
import { useShown } from './context';
import { incidentKey, lookAt, place } from './facts';
import type { IFlag } from './flags';
import { placeFlags } from './flags';
import { useHost } from './host';
import type { IScale } from './scale';
import { middle } from './scale';
import type { IDriftEvent, IIncident } from './state';

const LANE = 20;
const LANES = 3;
const ALERT = 18;

interface IMarked extends IFlag {
  incident: IIncident | null;
  event: IDriftEvent | null;
}

/** Above the timeline: where alerts began and what happened to the model. */
export const Lane = memo(({ scale }: { scale: IScale }): ReactElement => {
  const t = useText();
  const { evaluation, selection } = useShown();
  const { choose, ask, alive, opens } = useHost();
  const flags: IMarked[] = [];
  for (const incident of evaluation.alerts) {
    const chunk = place(evaluation, incident.first);
    if (chunk !== null && incident.severity !== 'info') {
      flags.push({ x: middle(scale, chunk), width: ALERT, incident, event: null });
    }
  }
  for (const event of evaluation.events) {
    const chunk = place(evaluation, event.chunk);
    if (chunk !== null) {
      const width = Math.max(ALERT, 10 + 7 * Math.min(8, event.label.length));
      flags.push({ x: middle(scale, chunk), width, incident: null, event });
    }
  }
  const { placed, hidden } = placeFlags(flags, scale.left, scale.left + scale.width, LANES);
  const lanes = Math.max(1, ...placed.map(one => one.lane + 1));
  return (
    <div className="jp-MlopsLab-drift-lane" style={{ height: lanes * LANE + 2 }}>
      <span className="jp-MlopsLab-drift-name">{t('Alerts, models')}</span>
      {placed.map(({ flag, left, lane }) => {
        const style = { left, top: (lanes - 1 - lane) * LANE, width: flag.width };
        if (flag.incident !== null) {
          const { incident } = flag;
          const key = incidentKey(incident);
          return (
            <button
              key={key}
              type="button"
              className={`jp-MlopsLab-drift-flag jp-mod-${incident.severity}`}
              style={style}
              aria-pressed={selection.alert === key}
              aria-label={`${severityText(incident, t)}: ${incident.sentence}`}
              title={incident.sentence}
              onClick={() => choose(lookAt(evaluation, incident))}
            >
              <Icon name={kindIcon(incident)} size={14} />
            </button>
          );
        }
        const event = flag.event!;
        const { node } = event;
        const can = alive && node !== null && opens.includes(node.split(':', 1)[0]);
        return (
          <button
            key={`${event.chunk} ${event.kind} ${event.label}`}
            type="button"
            className={`jp-MlopsLab-drift-flag jp-mod-${event.kind}`}
            style={style}
            aria-label={event.sentence}
            aria-disabled={!can}
            title={event.sentence}
            onClick={can ? () => void ask({ verb: 'open', node }) : undefined}
          >
            {event.label}
          </button>
        );
      })}
      {hidden.length > 0 && (
        <span className="jp-MlopsLab-drift-more" title={hidden.map(told).join('\n')}>
          {t('and %1 more', hidden.length)}
        </span>
      )}
    </div>
  );
});

function told({ incident, event }: IMarked): string {
  return incident?.sentence ?? event?.sentence ?? '';
}

function kindIcon({ kind }: IIncident): IconName {
  return kind === 'quality' ? 'table' : 'alert';
}

export function severityText(
  { severity, kind }: Pick<IIncident, 'severity' | 'kind'>,
  t: (text: string) => string
): string {
  const word = severity === 'alert' ? t('Alert') : severity === 'warn' ? t('Warning') : t('Note');
  return `${word}, ${t(KINDS[kind] ?? kind)}`;
}

/** What an incident is about, in a word or two. */
export const KINDS: Readonly<Record<string, string>> = {
  quality: 'data quality',
  drift: 'drift',
  domain: 'out of range',
  performance: 'performance',
  concept: 'concept shock',
  fairness: 'fairness',
  prediction: 'predictions'
};
