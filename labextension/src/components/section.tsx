import { useId } from 'react';
import type { KeyboardEvent, ReactElement, ReactNode } from 'react';
import { Icon } from './icon';

export interface ISectionProps {
  title: string;
  /** How many there are, or `2,318 of 10,000`. */
  count?: string;
  folded: boolean;
  onFold: (folded: boolean) => void;
  /** What stands at the title's right. */
  aside?: ReactNode;
  /** Whether the section shrinks and scrolls when there is little room. */
  flexible?: boolean;
  children: ReactNode;
}

/** A part of the sidebar that can be folded away, titled as JupyterLab's accordions. */
export function Section(props: ISectionProps): ReactElement {
  const { title, count, folded, onFold, aside, flexible = false, children } = props;
  const id = useId();
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === (folded ? 'ArrowRight' : 'ArrowLeft')) {
      event.preventDefault();
      onFold(!folded);
    }
  };
  return (
    <section
      className={`jp-MlopsLab-section${flexible && !folded ? ' jp-mod-flexible' : ''}`}
      aria-labelledby={id}
    >
      <h3 className="jp-MlopsLab-section-title">
        <button
          type="button"
          className="jp-MlopsLab-foldbutton"
          aria-expanded={!folded}
          onClick={() => onFold(!folded)}
          onKeyDown={onKeyDown}
        >
          <Icon name={folded ? 'caret-right' : 'caret-down'} size={12} />
          <span id={id}>{title}</span>
          {count !== undefined && <span className="jp-MlopsLab-count">{count}</span>}
        </button>
        <span className="jp-MlopsLab-spacer" />
        {!folded && aside}
      </h3>
      {!folded && children}
    </section>
  );
}
