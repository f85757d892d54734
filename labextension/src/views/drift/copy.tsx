import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';
import { useText } from '../text';

/** So long a button says that it has copied. */
const SAID_MS = 2_000;

/** Whether something was copied just now, and how to copy. */
export function useCopy(): [boolean, (text: string) => void] {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (copied) {
      const timer = window.setTimeout(() => setCopied(false), SAID_MS);
      return () => window.clearTimeout(timer);
    }
    return undefined;
  }, [copied]);
  return [copied, text => void write(text).then(setCopied)];
}

/** Says it to those who do not see the button change. */
export function Copied({ copied }: { copied: boolean }): ReactElement {
  const t = useText();
  return (
    <span className="jp-MlopsLab-unseen" role="status">
      {copied ? t('Copied') : ''}
    </span>
  );
}

/** A page that came by plain HTTP has no clipboard of the new kind; the old one takes a selection. */
async function write(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const before = document.activeElement;
    const area = document.createElement('textarea');
    area.value = text;
    area.style.position = 'fixed';
    area.style.opacity = '0';
    document.body.append(area);
    area.select();
    const done = document.execCommand?.('copy') ?? false;
    area.remove();
    if (before instanceof HTMLElement) {
      before.focus();
    }
    return done;
  }
}
