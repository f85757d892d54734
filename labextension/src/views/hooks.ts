import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import type { RefObject } from 'react';
import type { IModel } from './model';

/** The value of a key of the model, followed. */
export function useValue<S, K extends keyof S & string>(model: IModel<S>, key: K): S[K] {
  const subscribe = useCallback(
    (onChange: () => void) => {
      const handler = () => onChange();
      model.on(`change:${key}`, handler);
      return () => model.off(`change:${key}`, handler);
    },
    [model, key]
  );
  return useSyncExternalStore(subscribe, () => model.get(key));
}

/** The width of an element in whole pixels, followed; `fallback` until it is laid out. */
export function useWidth(element: RefObject<HTMLElement | null>, fallback: number): number {
  const [width, setWidth] = useState(fallback);
  useEffect(() => {
    const node = element.current;
    if (node === null || typeof ResizeObserver === 'undefined') {
      return;
    }
    const observer = new ResizeObserver(() => {
      // A hidden tab has no width: what is drawn in it stays as it is.
      if (node.clientWidth > 0) {
        setWidth(Math.floor(node.clientWidth));
      }
    });
    observer.observe(node);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

/** Whether an element has been near the visible part of the page yet. */
export function useSeen(element: RefObject<HTMLElement | null>): boolean {
  const [seen, setSeen] = useState(() => typeof IntersectionObserver === 'undefined');
  useEffect(() => {
    const node = element.current;
    if (seen || node === null) {
      return;
    }
    const observer = new IntersectionObserver(
      entries => {
        if (entries.some(entry => entry.isIntersecting)) {
          setSeen(true);
        }
      },
      { rootMargin: '200px' }
    );
    observer.observe(node);
    // A report draws everything once the reader has what is near: all of it can be printed.
    const draw = () => setSeen(true);
    window.addEventListener('mlops-lab:draw', draw);
    return () => {
      observer.disconnect();
      window.removeEventListener('mlops-lab:draw', draw);
    };
  }, [element, seen]);
  return seen;
}
