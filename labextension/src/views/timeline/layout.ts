/** A step on its way along the timeline; times in ms since the epoch. */
export interface ITimelineStep {
  id: string;
  name: string;
  detail: string;
  status: 'scheduled' | 'running' | 'finished' | 'failed' | 'killed';
  started: number | null;
  ended: number | null;
  /** What came of it, at the right. */
  result: string;
}

/** A bar in the plot: pixels from its left edge. */
export interface IBar {
  x: number;
  width: number;
  /** How long it took, or has taken so far. */
  seconds: number;
  /** Whether its duration fits inside it. */
  roomy: boolean;
}

export interface ITimeline {
  /** Null: has not begun. */
  bars: (IBar | null)[];
  ticks: { x: number; seconds: number }[];
  /** Lines from the end of one step down to the next: [x, from row]. */
  links: [number, number][];
  /** Where the last step ended. */
  end: number;
}

const STEPS = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200,
  86400, 172800, 604800
];
/** A bar is never so short that it cannot be seen or pointed at. */
const LEAST = 3;
const PER_CHARACTER = 7;

/**
 * Lay steps out over `width` pixels, from the start of the first; a running one reaches `now`. Behind
 * the last step `room` pixels stay free, for what is said about the end.
 */
export function layout(
  steps: readonly ITimelineStep[],
  width: number,
  now: number,
  room = 0
): ITimeline {
  const begun = steps.filter(step => step.started !== null);
  const zero = Math.min(...begun.map(step => step.started as number));
  const last = Math.max(...begun.map(step => finish(step, now)));
  const total = Math.max(0.1, begun.length > 0 ? (last - zero) / 1000 : 1);
  const every = STEPS.find(step => total / step <= Math.max(2, width / 90)) ?? total / 4;
  const scale = Math.max(width - room, width / 2) / total;
  const bars = steps.map((step): IBar | null => {
    if (step.started === null) {
      return null;
    }
    const seconds = Math.max(0, (finish(step, now) - step.started) / 1000);
    const long = Math.max(LEAST, seconds * scale);
    const x = Math.min(((step.started - zero) / 1000) * scale, width - LEAST);
    return { x, width: long, seconds, roomy: long > 8 + 6 * PER_CHARACTER };
  });
  const ticks = [];
  for (let n = 0; n * every * scale <= width; n++) {
    ticks.push({ x: n * every * scale, seconds: n * every });
  }
  return { bars, ticks, links: links(bars), end: begun.length > 0 ? total * scale : 0 };
}

function finish(step: ITimelineStep, now: number): number {
  return step.ended ?? (step.status === 'running' ? now : (step.started ?? now));
}

/** One step begins where the one above it has ended. */
function links(bars: readonly (IBar | null)[]): [number, number][] {
  const found: [number, number][] = [];
  bars.forEach((bar, row) => {
    const above = bars[row - 1];
    if (bar && above && bar.x >= above.x + above.width - 1) {
      found.push([above.x + above.width, row - 1]);
    }
  });
  return found;
}
