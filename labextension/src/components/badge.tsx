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

/** A movable name, with the version that it stands on where that is not said beside it. */
export function Alias(props: {
  name: string;
  version?: number;
  /** Filled: the one that counts. */
  strong?: boolean;
  title?: string;
}): ReactElement {
  const { name, version, strong = false, title } = props;
  return (
    <span
      className={`jp-MlopsLab-chip jp-mod-alias${strong ? ' jp-mod-strong' : ''}`}
      title={title ?? name}
    >
      <span className="jp-MlopsLab-ellipsis">{name}</span>
      {version !== undefined && <b>{version}</b>}
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
