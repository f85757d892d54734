/** A number as JSON carries it: the ones that are not finite are words. */
export type WireNumber = number | 'NaN' | 'Infinity' | '-Infinity' | null;

/** The history of one metric, thinned out by min–max where `downsampled`. */
export interface ISeries {
  key: string;
  /** Where it was logged; null where the caller gave no step. */
  steps: readonly (number | null)[];
  times_ms: readonly number[];
  values: readonly WireNumber[];
  /** How many points there are in truth. */
  n: number;
  downsampled: boolean;
  direction?: 'max' | 'min' | null;
}

export type XAxis = 'step' | 'time';

/** Whose curves they are; the run view says so itself. */
export interface ICurvesRun {
  id: string;
  name: string;
  status: string;
}

/** What the host and the person share about the curves of a run. */
export interface ICurvesState {
  series: readonly ISeries[];
  run: ICurvesRun | null;
  /** Whether more points may come. */
  live: boolean;
  /** How many steps the run means to take: the rest of the axis stays empty. */
  planned: number | null;
  /** When the run began: zero of the axis of time. */
  origin_ms: number | null;
  error: string | null;
  /** What the person chose. */
  x: XAxis;
  log_scale: readonly string[];
}

export const NO_CURVES: ICurvesState = {
  series: [],
  run: null,
  live: false,
  planned: null,
  origin_ms: null,
  error: null,
  x: 'step',
  log_scale: []
};
