import type { KeyboardEvent, ReactElement } from 'react';

export interface ITab<Id extends string> {
  id: Id;
  label: string;
  count?: number | string;
}

/** The parts of a view, one of which is shown; arrow keys go from one to the next, Home and End to the outer ones. */
export function Tabs<Id extends string>(props: {
  tabs: readonly ITab<Id>[];
  shown: Id;
  onShow: (tab: Id) => void;
}): ReactElement {
  const { tabs, shown, onShow } = props;
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const at = tabs.findIndex(tab => tab.id === shown);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) {
      const next = (to + tabs.length) % tabs.length;
      onShow(tabs[next].id);
      (event.currentTarget.children[next] as HTMLElement).focus();
      event.preventDefault();
    }
  };
  return (
    <div className="jp-MlopsLab-tabs" role="tablist" onKeyDown={onKeyDown}>
      {tabs.map(tab => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          aria-selected={tab.id === shown}
          data-text={text(tab)}
          tabIndex={tab.id === shown ? 0 : -1}
          className={tab.id === shown ? 'jp-mod-selected' : ''}
          onClick={() => onShow(tab.id)}
        >
          {text(tab)}
        </button>
      ))}
    </div>
  );
}

function text(tab: ITab<string>): string {
  return tab.count === undefined ? tab.label : `${tab.label} ${tab.count}`;
}
