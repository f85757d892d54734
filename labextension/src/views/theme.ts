import { useSyncExternalStore } from 'react';

/*
 * A canvas cannot use CSS variables: it needs their values, and again when the theme changes. Hosts
 * say that by attributes of `body` (JupyterLab, VS Code) or only by the browser's colour scheme.
 */
let version = 0;
const listeners = new Set<() => void>();
let stop: (() => void) | null = null;

function start(): () => void {
  const bump = () => {
    version += 1;
    listeners.forEach(listener => listener());
  };
  const observer = new MutationObserver(bump);
  observer.observe(document.body, {
    attributeFilter: [
      'class',
      'data-jp-theme-light',
      'data-jp-theme-name',
      'data-vscode-theme-kind'
    ]
  });
  const scheme = window.matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', bump);
  return () => {
    observer.disconnect();
    scheme.removeEventListener('change', bump);
  };
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  stop ??= start();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      stop?.();
      stop = null;
    }
  };
}

/** A number that changes whenever the colours of the page do. */
export function useTheme(): number {
  return useSyncExternalStore(subscribe, () => version);
}

/** The present value of a colour, e.g. `var(--mlops-series-1)`, as seen from `element`. */
export function resolveColor(element: Element, color: string): string {
  const probe = document.createElement('span');
  probe.style.color = color;
  // Where the system forces its colours, all of them would be the text's: a picture has its own.
  probe.style.setProperty('forced-color-adjust', 'none');
  probe.hidden = true;
  element.appendChild(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value || 'gray';
}
