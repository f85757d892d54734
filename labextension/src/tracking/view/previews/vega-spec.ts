import type { VisualizationSpec } from 'vega-embed';

type Json = Record<string, unknown>;

/** A chart as we embed it: its words above it, the rest fitted to the pane. */
export interface IChart {
  /** The title's lines and the subtitle's; text wraps where a picture would be cut. */
  title: readonly string[];
  subtitle: readonly string[];
  spec: VisualizationSpec;
}

/** Charts side by side need this much each; in less they stand one below the other. */
const LEAST_BESIDE = 260;
/** What the axis of one of several charts takes beside its plot, about. */
const AXIS = 64;

/**
 * Read a specification that a run has kept, and fit it to a pane of `width` px.
 *
 * What could change how it is embedded goes: `usermeta` outranks our options.
 */
export function chartOf(source: string, width: number): IChart {
  const spec: unknown = JSON.parse(source);
  if (!isObject(spec)) {
    throw new Error('This is no chart.');
  }
  const { title } = spec;
  const words = isObject(title) ? title : { text: title };
  return {
    title: lines(words.text),
    subtitle: lines(words.subtitle),
    spec: fitted(without(spec, 'usermeta', 'title'), width) as unknown as VisualizationSpec
  };
}

/** Altair writes the width its author's notebook had; a pane has another. */
function fitted(spec: Json, width: number): Json {
  const rows = parts(spec, 'vconcat');
  if (rows !== null) {
    return { ...spec, vconcat: rows.map(part => within(part, width)) };
  }
  const columns = parts(spec, 'hconcat');
  if (columns !== null) {
    return width / columns.length < LEAST_BESIDE
      ? { ...without(spec, 'hconcat'), vconcat: columns.map(part => within(part, width)) }
      : { ...spec, hconcat: columns.map(part => within(part, width / columns.length)) };
  }
  if (!isSingle(spec) || isStep(spec.width)) {
    return spec;
  }
  return { ...spec, width, autosize: { type: 'fit-x', contains: 'padding', resize: true } };
}

/** One of several charts: only a whole chart can be told the width that its axes share. */
function within(part: Json, width: number): Json {
  return isSingle(part) && !isStep(part.width)
    ? { ...part, width: Math.max(80, Math.floor(width) - AXIS) }
    : fitted(part, width);
}

function isSingle(spec: Json): boolean {
  return 'mark' in spec || 'layer' in spec;
}

/** A width per category: the author's word, which a pane scrolls for. */
function isStep(width: unknown): boolean {
  return isObject(width);
}

function parts(spec: Json, key: string): Json[] | null {
  const value = spec[key];
  return Array.isArray(value) && value.length > 0 && value.every(isObject) ? value : null;
}

function without(spec: Json, ...keys: string[]): Json {
  return Object.fromEntries(Object.entries(spec).filter(([key]) => !keys.includes(key)));
}

function lines(text: unknown): string[] {
  return (Array.isArray(text) ? text : [text]).filter(line => typeof line === 'string');
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
