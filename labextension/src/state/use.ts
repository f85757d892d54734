import type { ISignal } from '@lumino/signaling';
import { useCallback, useRef, useSyncExternalStore } from 'react';

/** Render again whenever a model emits its `changed`; null renders once. */
export function useChanged(model: { readonly changed: ISignal<unknown, unknown> } | null): void {
  const version = useRef(0);
  const subscribe = useCallback(
    (notify: () => void) => {
      const slot = (): void => {
        version.current += 1;
        notify();
      };
      model?.changed.connect(slot);
      return () => {
        model?.changed.disconnect(slot);
      };
    },
    [model]
  );
  useSyncExternalStore(subscribe, () => version.current);
}
