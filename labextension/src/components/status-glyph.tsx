import type { ReactElement } from 'react';

/** What a glyph can say; the words are the wire's. */
export type GlyphStatus = 'scheduled' | 'running' | 'finished' | 'failed' | 'killed';
export type GlyphOutcome = 'passed' | 'rejected' | 'waiting';

export interface IStatusGlyphProps {
  status: GlyphStatus;
  outcome?: GlyphOutcome | null;
  /** What a screen reader says; the status by default. */
  label?: string;
}

/** The shape and colour of a status; a gate's outcome replaces *finished*. */
export function StatusGlyph({ status, outcome = null, label }: IStatusGlyphProps): ReactElement {
  const shape = status === 'finished' && outcome !== null ? OUTCOMES[outcome] : status;
  const text = label ?? describeStatus(status, outcome);
  return (
    <svg
      className={`jp-MlopsLab-status jp-mod-${shape}`}
      viewBox="0 0 12 12"
      role="img"
      aria-label={text}
    >
      <title>{text}</title>
      {DRAWINGS[shape]}
    </svg>
  );
}

/** The status in words: `finished, gate rejected`. */
export function describeStatus(status: GlyphStatus, outcome: GlyphOutcome | null = null): string {
  if (outcome === 'rejected') {
    return `${status}, gate rejected`;
  }
  return outcome === 'waiting' ? `${status}, waits for approval` : status;
}

type Shape = GlyphStatus | 'rejected' | 'waiting';
const OUTCOMES: Record<GlyphOutcome, Shape> = {
  passed: 'finished',
  rejected: 'rejected',
  waiting: 'waiting'
};

const line = { fill: 'none', stroke: 'currentColor', strokeLinecap: 'round' } as const;
const DRAWINGS: Record<Shape, ReactElement> = {
  scheduled: <circle cx="6" cy="6" r="4.4" {...line} strokeWidth="1.5" strokeDasharray="2 2.6" />,
  running: (
    <>
      <circle cx="6" cy="6" r="4.6" {...line} strokeWidth="1.8" opacity=".28" />
      <path
        className="jp-MlopsLab-arc"
        d="M6 1.4A4.6 4.6 0 0 1 10.6 6"
        {...line}
        strokeWidth="1.8"
      />
      <circle cx="6" cy="6" r="1.9" fill="currentColor" />
    </>
  ),
  finished: <circle cx="6" cy="6" r="4" fill="currentColor" />,
  failed: (
    <>
      <circle cx="6" cy="6" r="5.2" fill="currentColor" />
      <path
        className="jp-MlopsLab-cut"
        d="m4.2 4.2 3.6 3.6M7.8 4.2 4.2 7.8"
        {...line}
        strokeWidth="1.5"
      />
    </>
  ),
  killed: <rect x="2" y="2" width="8" height="8" rx="1.5" fill="currentColor" />,
  rejected: (
    <>
      <circle cx="6" cy="6" r="4.6" {...line} strokeWidth="1.5" />
      <path d="m4.4 4.4 3.2 3.2M7.6 4.4 4.4 7.6" {...line} strokeWidth="1.5" />
    </>
  ),
  waiting: (
    <>
      <circle cx="6" cy="6" r="5.2" fill="currentColor" />
      <path className="jp-MlopsLab-cut" d="M4.7 4v4M7.3 4v4" {...line} strokeWidth="1.5" />
    </>
  )
};
