/** A number as JSON carries it: the ones that are not finite are words. */
export type WireNumber = number | 'NaN' | 'Infinity' | '-Infinity';

/** The number that the wire means; null where there is none. */
export function toNumber(value: WireNumber | null | undefined): number | null {
  return value === undefined || value === null ? null : Number(value);
}
