/** Round places for three to five lines around the values, and where the axis ends. */
export function axis(values: readonly (number | null)[]): {
  low: number;
  high: number;
  ticks: number[];
} {
  const known = values.filter(value => value !== null);
  const [first, last] = [Math.min(...known), Math.max(...known)];
  // One value alone has room around it, so that lines can tell where it is.
  const room = first === last ? Math.abs(last) / 20 || 0.5 : 0;
  const [least, most] = [first - room, last + room];
  const span = most - least;
  const raw = span / 3;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(one => one * power).find(one => one >= raw) ?? raw;
  const [low, high] = [least - span * 0.15, most + span * 0.15];
  const ticks: number[] = [];
  for (let n = Math.ceil(low / step); n * step <= high; n += 1) {
    ticks.push(n * step);
  }
  return { low, high, ticks };
}

/** As many digits as tell the lines apart: 0.025 takes three. */
export function tickDigits(ticks: readonly number[]): number {
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
  const digits = [0, 1, 2, 3, 4, 5].find(
    n => Math.abs((step * 10 ** n) % 1) < 1e-6 || 1 - ((step * 10 ** n) % 1) < 1e-6
  );
  return digits ?? 6;
}
