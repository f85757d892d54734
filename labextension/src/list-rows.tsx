import type { TranslationBundle } from '@jupyterlab/translation';
import { useRef, useState } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';
import { formatCount } from './components';

/** So many are shown at once; the rest waits behind a button. */
const SHOWN = 50;

export interface IListRowsProps<T extends { name: string }> {
  rows: readonly T[];
  /** What they are, for who cannot see them. */
  label: string;
  /** The name of the row that has the keyboard. */
  focused: string | null;
  focus(name: string): void;
  trans: TranslationBundle;
  /** Draw a row: an element of the role `row`, in the order of Tab where `focused`. */
  children: (row: T, focused: boolean) => ReactElement;
}

/** The rows of a section in the sidebar: one step of the Tab key, arrows within. */
export function ListRows<T extends { name: string }>(props: IListRowsProps<T>): ReactElement {
  const { rows, label, focused, focus, trans, children } = props;
  const [all, setAll] = useState(false);
  const list = useRef<HTMLDivElement>(null);
  const shown = all ? rows : rows.slice(0, SHOWN);
  const at = Math.max(
    0,
    shown.findIndex(one => one.name === focused)
  );
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = MOVES[event.key]?.(at, shown.length);
    if (to !== undefined && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      const index = Math.min(Math.max(0, to), shown.length - 1);
      focus(shown[index].name);
      list.current?.querySelectorAll<HTMLElement>('[role="row"]')[index]?.focus();
    }
  };
  return (
    <>
      <div ref={list} role="grid" aria-label={label} onKeyDown={onKeyDown}>
        {shown.map((row, index) => children(row, index === at))}
      </div>
      {shown.length < rows.length && (
        <div className="jp-MlopsLab-more">
          <button type="button" className="jp-MlopsLab-link" onClick={() => setAll(true)}>
            {trans.__('%1 more', formatCount(rows.length - shown.length))}
          </button>
        </div>
      )}
    </>
  );
}

/** Where each key leads from row `at` of `total`. */
export const MOVES: Record<string, (at: number, total: number) => number> = {
  ArrowDown: at => at + 1,
  j: at => at + 1,
  ArrowUp: at => at - 1,
  k: at => at - 1,
  Home: () => 0,
  End: (_, total) => total - 1
};
