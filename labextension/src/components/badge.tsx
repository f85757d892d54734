import type { ReactElement, ReactNode } from 'react';
import { Icon } from './icon';
import type { IconName } from './icon-paths';

export interface IBadgeProps {
  /** Colour only for what runs, waits or is wrong; neutral grey is the normal state. */
  tone?: 'neutral' | 'good' | 'warn' | 'bad' | 'live';
  icon?: IconName;
  title?: string;
  children: ReactNode;
}

/** A state in a word or two. */
export function Badge({ tone = 'neutral', icon, title, children }: IBadgeProps): ReactElement {
  return (
    <span
      className={`jp-MlopsLab-badge jp-mod-${tone}${icon === undefined ? ' jp-mod-text' : ''}`}
      title={title}
    >
      {icon !== undefined && <Icon name={icon} size={12} />}
      {children}
    </span>
  );
}

/** A tag as a user wrote it: `team ops`. */
export function Tag({ name, value }: { name: string; value?: string }): ReactElement {
  return (
    <span className="jp-MlopsLab-chip jp-mod-plain" title={value ? `${name} = ${value}` : name}>
      {name}
      {value ? <b>{value}</b> : null}
    </span>
  );
}
