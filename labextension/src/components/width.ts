import { useCallback, useRef, useState } from 'react';

/** A ref, and the width in px of the element that it is given to; 0 before it is drawn. */
export function useWidth<E extends HTMLElement>(): [(node: E | null) => void, number] {
  const [width, setWidth] = useState(0);
  const observer = useRef<ResizeObserver | null>(null);
  const ref = useCallback((node: E | null) => {
    observer.current?.disconnect();
    if (node !== null) {
      setWidth(Math.floor(node.clientWidth));
      observer.current = new ResizeObserver(() => setWidth(Math.floor(node.clientWidth)));
      observer.current.observe(node);
    }
  }, []);
  return [ref, width];
}
