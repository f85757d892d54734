import { useEffect, useRef } from 'react';
import type { ReactElement } from 'react';
import { useText } from '../text';

/** What every key does. */
export function Keys({ onClose }: { onClose: () => void }): ReactElement {
  const t = useText();
  const node = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    node.current?.focus();
    return () => {
      if (before instanceof HTMLElement) {
        before.focus();
      }
    };
  }, []);
  const keys: [string, string][] = [
    ['↑ ↓ ← →', t('move in the matrix, read the timeline')],
    ['Enter', t('look at the cell: its feature, its chunk')],
    ['[ ]', t('the chunk before, the next one')],
    ['Shift+← →', t('widen the range')],
    ['Esc', t('all chunks again')],
    ['/', t('search features')],
    ['?', t('this list')]
  ];
  return (
    <div
      ref={node}
      className="jp-MlopsLab-drift-keys"
      role="dialog"
      aria-label={t('Keys')}
      tabIndex={-1}
      onBlur={event => {
        if (!event.currentTarget.contains(event.relatedTarget)) {
          onClose();
        }
      }}
      onKeyDown={event => {
        if (event.key === 'Escape' || event.key === '?') {
          event.stopPropagation();
          onClose();
        }
      }}
    >
      <dl>
        {keys.map(([key, text]) => (
          <div key={key}>
            <dt>
              {key.split(' ').map(one => (
                <kbd key={one} className="jp-MlopsLab-kbd">
                  {one}
                </kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
