import type { VisualizationSpec } from 'vega-embed';

type Json = Record<string, unknown>;

/** A chart as we embed it: its words above it, the rest fitted to the pane. */
export interface IChart {
  /** The title's lines and the subtitle's; text wraps where a picture would be cut. */
  title: readonly string[];
  subtitle: readonly string[];
  spec: VisualizationSpec;
  /** As wide as its author had it, where that may be needed: marks may stand at fixed pixels. */
  own: VisualizationSpec | null;
}

/** Charts side by side need this much each; in less they stand one below the other. */
const LEAST_BESIDE = 260;
/** The width of a character of a title, about. */
const CHARACTER = 7.5;
const NO_WORDS: Words = { title: [], subtitle: [] };
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
  const [words, untitled] = untitle(without(spec, 'usermeta'));
  return {
    ...words,
    spec: fitted(untitled, width) as unknown as VisualizationSpec,
    own: isSingle(untitled) ? (untitled as unknown as VisualizationSpec) : null
  };
}

type Words = Pick<IChart, 'title' | 'subtitle'>;

/** The title at the head of a chart, and the chart without it. */
function untitle(spec: Json): [Words, Json] {
  if (spec.title !== undefined) {
    const words = isObject(spec.title) ? spec.title : { text: spec.title };
    const said = { title: lines(words.text), subtitle: lines(words.subtitle) };
    return [said, untitle(without(spec, 'title'))[1]];
  }
  // Altair leaves it on the layers, or on the first of charts below each other.
  const layers = parts(spec, 'layer');
  if (layers !== null) {
    const found = layers.map(untitle);
    const first = found.find(([words]) => words.title.length > 0);
    return [first?.[0] ?? NO_WORDS, { ...spec, layer: found.map(([, layer]) => layer) }];
  }
  const rows = parts(spec, 'vconcat');
  if (rows !== null) {
    const [words, first] = untitle(rows[0]);
    return [words, { ...spec, vconcat: [first, ...rows.slice(1)] }];
  }
  return [NO_WORDS, spec];
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
  if (!isSingle(part) || isStep(part.width)) {
    return fitted(part, width);
  }
  const [words, untitled] = untitle(part);
  const fit = { ...untitled, width: Math.max(80, Math.floor(width) - AXIS) };
  return words.title.length === 0
    ? fit
    : { ...fit, title: { text: wrapped(words.title, width), subtitle: words.subtitle } };
}

/** Lines that fit: a picture breaks none by itself. */
function wrapped(text: readonly string[], width: number): string[] {
  const most = Math.max(12, Math.floor(width / CHARACTER));
  return text.flatMap(line => {
    const fit: string[] = [''];
    for (const word of line.split(' ')) {
      const last = fit[fit.length - 1];
      if (last !== '' && last.length + 1 + word.length > most) {
        fit.push(word);
      } else {
        fit[fit.length - 1] = last === '' ? word : `${last} ${word}`;
      }
    }
    return fit;
  });
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
