/** What stands above the timeline at a chunk: an alert, or what happened to the model. */
export interface IFlag {
  /** Its place on the axis, in pixels. */
  x: number;
  width: number;
}

export interface IPlaced<F extends IFlag> {
  flag: F;
  /** Its left edge, inside of the axis. */
  left: number;
  /** 0 is nearest to the timeline. */
  lane: number;
}

const GAP = 3;
/** How far a flag may stand from its place before it takes the next lane. */
const SHIFT = 10;

/**
 * Give every flag a place of its own: beside the one before it where that is near enough, else a lane
 * higher. Flags that find no lane are counted by the last one.
 */
export function placeFlags<F extends IFlag>(
  flags: readonly F[],
  low: number,
  high: number,
  lanes: number
): { placed: IPlaced<F>[]; hidden: F[] } {
  const ends = new Array<number>(lanes).fill(low - GAP);
  const placed: IPlaced<F>[] = [];
  const hidden: F[] = [];
  for (const flag of [...flags].sort((a, b) => a.x - b.x)) {
    const wanted = Math.max(low, Math.min(high - flag.width, flag.x - flag.width / 2));
    const lane = ends.findIndex(
      end => end + GAP <= wanted + SHIFT && Math.max(end + GAP, wanted) + flag.width <= high + GAP
    );
    if (lane < 0) {
      hidden.push(flag);
      continue;
    }
    const left = Math.max(ends[lane] + GAP, wanted);
    ends[lane] = left + flag.width;
    placed.push({ flag, left, lane });
  }
  return { placed, hidden };
}
