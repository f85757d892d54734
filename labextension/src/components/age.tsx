import type { ReactElement } from 'react';
import { useNow } from './clock';
import { formatAge, formatElapsed, formatExact } from './format';

/** How long ago, with the exact UTC time in the tooltip. */
export function Age(props: {
  at: string | null;
  /** Makes a duration fit into a sentence: `2 h ago`; `yesterday` and `4 Nov` do by themselves. */
  ago?: (age: string) => string;
}): ReactElement | null {
  const { at, ago } = props;
  const now = useNow(5_000);
  if (at === null) {
    return null;
  }
  const date = new Date(at);
  const age = formatAge(date, now);
  return (
    <time dateTime={at} title={formatExact(date)}>
      {ago !== undefined && /\d\s(s|min|h|d)$/.test(age) ? ago(age) : age}
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
