import { useRef } from 'react';
import type { KeyboardEvent, RefObject } from 'react';

/** How many rows a page key moves. */
const PAGE = 10;

/** Where a key leads in a list of `count` rows; undefined for a key that does not move. */
export function moveTo(key: string, from: number, count: number): number | undefined {
  const last = count - 1;
  switch (key) {
    case 'ArrowDown':
    case 'j':
      return Math.min(last, from + 1);
    case 'ArrowUp':
    case 'k':
      return Math.max(0, from - 1);
    case 'PageDown':
      return Math.min(last, from + PAGE);
    case 'PageUp':
      return Math.max(0, from - PAGE);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return undefined;
  }
}

/** Arrow keys among the elements with `data-row` inside an element; one of them has the tab stop. */
export function useRoving<E extends HTMLElement>(): {
  ref: RefObject<E>;
  onKeyDown: (event: KeyboardEvent) => void;
} {
  const ref = useRef<E>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const rows = [...(ref.current?.querySelectorAll<HTMLElement>('[data-row]') ?? [])];
    const from = rows.indexOf(event.target as HTMLElement);
    if (from < 0 || event.ctrlKey || event.metaKey || event.altKey) {
      return; // A control inside a row has its own keys.
    }
    const to = moveTo(event.key, from, rows.length);
    if (to !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      rows[from].tabIndex = -1;
      rows[to].tabIndex = 0;
      rows[to].focus();
      rows[to].scrollIntoView?.({ block: 'nearest' });
    }
  };
  return { ref, onKeyDown };
}

/** Enter and the space bar do what a click does, on the row itself. */
export function onEnter(act: () => void): (event: KeyboardEvent) => void {
  return event => {
    if ((event.key === 'Enter' || event.key === ' ') && event.target === event.currentTarget) {
      event.preventDefault();
      event.stopPropagation();
      act();
    }
  };
}
