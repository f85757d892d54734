import type { ReactElement } from 'react';
import { useNow } from './clock';
import { formatAge, formatElapsed, formatExact } from './format';

/** How long ago, with the exact UTC time in the tooltip. */
export function Age({ at }: { at: string | null }): ReactElement | null {
  const now = useNow(5_000);
  if (at === null) {
    return null;
  }
  const date = new Date(at);
  return (
    <time dateTime={at} title={formatExact(date)}>
      {formatAge(date, now)}
    </time>
  );
}

/** The time since `since`, ticking once a second. */
export function Elapsed({ since }: { since: string | null }): ReactElement | null {
  const now = useNow(1_000);
  if (since === null) {
    return null;
  }
  const start = new Date(since);
  return (
    <time title={formatExact(start)}>
      {formatElapsed((now.getTime() - start.getTime()) / 1000)}
    </time>
  );
}
