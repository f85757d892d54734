import type { ReactElement } from 'react';
import type { DataStateName } from '../api/data';
import { Badge, Icon } from '../components';
import { useText } from '../views/text';
import type { Translate } from '../views/text';

/** What the checks said of a version, where somebody should know; passed is the normal state. */
export function StateGlyph(props: {
  state: DataStateName | null;
  label?: string;
}): ReactElement | null {
  const t = useText();
  const { state } = props;
  if (state === null || state === 'passed') {
    return null;
  }
  const label = props.label ?? stateText(state, t);
  return (
    <span className={`jp-MlopsLab-datastate jp-mod-${state}`} title={label}>
      <Icon name={state === 'blocked' ? 'rejected' : 'alert'} size={12} label={label} />
    </span>
  );
}

/** The same as a badge, in words. */
export function StateBadge({ state }: { state: DataStateName | null }): ReactElement | null {
  const t = useText();
  switch (state) {
    case 'blocked':
      return (
        <Badge tone="bad" icon="rejected">
          {t('blocked')}
        </Badge>
      );
    case 'warned':
      return (
        <Badge tone="warn" icon="alert">
          {t('warned')}
        </Badge>
      );
    case 'passed':
      return (
        <Badge icon="passed" tone="good">
          {t('checks passed')}
        </Badge>
      );
    default:
      return null;
  }
}

function stateText(state: 'warned' | 'blocked', t: Translate): string {
  return state === 'blocked' ? t('blocked by its checks') : t('its checks warn');
}
