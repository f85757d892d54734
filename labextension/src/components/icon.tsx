import type { ReactElement } from 'react';
import type { IconName } from './icon-paths';
import { ICON_PATHS } from './icon-paths';

export interface IIconProps {
  name: IconName;
  size?: 12 | 14 | 16;
  /** What it says where it stands alone; without a label it is decoration. */
  label?: string;
  className?: string;
}

/** One of our icons, in the colour of the text around it. */
export function Icon({ name, size = 16, label, className = '' }: IIconProps): ReactElement {
  const named =
    label === undefined ? { 'aria-hidden': true } : { role: 'img', 'aria-label': label };
  const sized = size === 16 ? '' : ` jp-mod-${size}`;
  return (
    <svg
      className={`jp-MlopsLab-icon${sized} ${className}`.trimEnd()}
      viewBox="0 0 16 16"
      {...named}
      // Our own constant markup, never anything a user wrote.
      dangerouslySetInnerHTML={{ __html: ICON_PATHS[name] }}
    />
  );
}
