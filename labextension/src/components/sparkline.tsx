import { useMemo } from 'react';
import type { ReactElement } from 'react';

export interface ISparklineProps {
  values: readonly number[];
  width?: number;
  height?: number;
  /** How much of the planned length is done (0 to 1); the rest is drawn grey. */
  done?: number;
  /** `jp-mod-live`, a series' class, or nothing for the muted colour. */
  className?: string;
}

const PAD = 2;

/** A metric's course: scaled between its least and greatest, an end dot, no axis, no fill. */
export function Sparkline(props: ISparklineProps): ReactElement | null {
  const { values, width = 60, height = 16, done = 1, className = 'jp-MlopsLab-muted' } = props;
  const course = useMemo(
    () => sparklinePath(values, width, height, done),
    [values, width, height, done]
  );
  if (course === null) {
    return null;
  }
  return (
    <svg
      className={`jp-MlopsLab-spark ${className}`}
      viewBox={`0 0 ${width} ${height}`}
      style={{ width, height }}
      aria-hidden
    >
      {course.end[0] + 3 < width - PAD && (
        <path className="jp-MlopsLab-rest" d={`M${course.end[0] + 3} ${height / 2}H${width}`} />
      )}
      <path d={course.path} />
      <circle cx={course.end[0]} cy={course.end[1]} r="1.75" />
    </svg>
  );
}

/** The path of `values` and where it ends; null without two numbers to join. */
export function sparklinePath(
  values: readonly number[],
  width: number,
  height: number,
  done: number
): { path: string; end: [number, number] } | null {
  const finite = values.filter(Number.isFinite);
  if (finite.length < 2) {
    return null;
  }
  const least = Math.min(...finite);
  const range = Math.max(...finite) - least;
  const span = Math.max(4, (width - 2 * PAD) * Math.min(1, Math.max(0, done)));
  let path = '';
  let end: [number, number] = [PAD, height / 2];
  let pen = 'M';
  values.forEach((value, index) => {
    if (!Number.isFinite(value)) {
      pen = 'M'; // A gap where the metric was not a number.
      return;
    }
    const x = PAD + (span * index) / (values.length - 1);
    const share = range === 0 ? 0.5 : (value - least) / range;
    end = [round(x), round(height - PAD - share * (height - 2 * PAD))];
    path += `${pen}${end[0]} ${end[1]}`;
    pen = 'L';
  });
  return { path, end };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
