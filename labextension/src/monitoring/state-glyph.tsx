import type { ReactElement } from 'react';
import type { MonitorStateName } from '../api/monitoring';
import type { IconName } from '../components';
import { Icon, StatusGlyph } from '../components';
import { useText } from '../views/text';
import type { Translate } from '../views/text';

const SHAPES: Record<Exclude<MonitorStateName, 'never'>, IconName> = {
  ok: 'monitor',
  small: 'monitor',
  warn: 'alert',
  alert: 'alert-filled',
  quality: 'dataset',
  invalid: 'rejected'
};

/** How a monitor stands: grey while nothing is the matter. */
export function MonitorGlyph(props: {
  state: MonitorStateName;
  running: boolean;
  /** Somebody has looked at whatever it found. */
  settled: boolean;
}): ReactElement {
  const t = useText();
  const { state, running, settled } = props;
  const label =
    settled && !running ? t('its alerts are looked after') : stateText(state, running, t);
  return (
    <span
      className={`jp-MlopsLab-monitorstate jp-mod-${running ? 'running' : settled ? 'settled' : state}`}
      title={label}
    >
      {running ? (
        <StatusGlyph status="running" label={label} />
      ) : state === 'never' ? (
        <StatusGlyph status="scheduled" label={label} />
      ) : (
        <Icon name={settled ? 'alert' : SHAPES[state]} label={label} />
      )}
    </span>
  );
}

function stateText(state: MonitorStateName, running: boolean, t: Translate): string {
  if (running) {
    return t('it looks now');
  }
  switch (state) {
    case 'ok':
      return t('no alert is open');
    case 'small':
      return t('too few rows to judge');
    case 'warn':
      return t('it warns');
    case 'alert':
      return t('an alert is open');
    case 'quality':
      return t('the data is the matter, before any drift');
    case 'never':
      return t('it has never looked');
    case 'invalid':
      return t('its file has faults');
  }
}
