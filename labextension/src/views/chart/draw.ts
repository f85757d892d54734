import type { EmbedOptions, Result } from 'vega-embed';
import { chartOf } from './spec';
import type { IChart } from './spec';

/** What draws charts. It is large: a host loads it when the first one is near. */
export interface IVega {
  embed: (el: HTMLElement, spec: IChart['spec'], options: EmbedOptions) => Promise<Result>;
  expressionInterpreter: unknown;
}

const INK = 'var(--jp-mlops-text-muted)';
const LINE = 'var(--jp-mlops-grid)';
// SVG attributes take CSS variables: a chart follows the theme without being drawn again.
const CONFIG = {
  background: 'transparent',
  font: 'var(--jp-ui-font-family)',
  view: { stroke: null },
  axis: {
    labelColor: INK,
    titleColor: INK,
    labelFontSize: 11,
    labelOverlap: true,
    titleFontSize: 11,
    titleFontWeight: 'normal',
    gridColor: LINE,
    domainColor: 'var(--jp-mlops-axis)',
    tickColor: 'var(--jp-mlops-axis)'
  },
  legend: { labelColor: INK, titleColor: INK, labelFontSize: 11, titleFontSize: 11 },
  mark: { color: 'var(--jp-mlops-series-1)' },
  title: { color: 'var(--jp-ui-font-color1)', fontSize: 13, anchor: 'start' },
  range: { category: [1, 2, 3, 4, 5].map(n => `var(--jp-mlops-series-${n})`) }
};

/** The share of a chart's width that its plot has at least. */
const LEAST_PLOT = 0.4;

/** No address at all: neither data, nor pictures, nor links of a chart reach the network. */
const NO_ADDRESSES = {
  load: () => Promise.reject(new Error('A chart may not load anything here.')),
  sanitize: () => Promise.reject(new Error('A chart may not point anywhere here.')),
  http: () => Promise.reject(new Error('A chart may not load anything here.')),
  file: () => Promise.reject(new Error('A chart may not load anything here.')),
  options: {}
};

/** A chart on the page: its words, and how to take it away. */
export interface IDrawn {
  chart: IChart;
  finalize(): void;
}

/** Draw a chart that somebody else has specified: no code of theirs and no addresses. */
export async function drawChart(
  el: HTMLElement,
  source: string,
  width: number,
  vega: IVega
): Promise<IDrawn> {
  const chart = chartOf(source, width);
  const options = {
    actions: false,
    renderer: 'svg',
    // Expressions are walked, not compiled: no `eval` of what a user wrote.
    ast: true,
    expr: vega.expressionInterpreter,
    loader: NO_ADDRESSES,
    tooltip: true,
    config: CONFIG,
    logLevel: 1
  } as unknown as EmbedOptions;
  let result = await vega.embed(el, chart.spec, options);
  if (chart.own !== null && result.view.width() < LEAST_PLOT * width) {
    // What is placed by pixels beyond the plot counts as its margin: fitted, nothing is left of the
    // plot. So it is drawn as its author saw it, and made smaller.
    result.finalize();
    result = await vega.embed(el, chart.own, options);
  }
  return { chart, finalize: () => result.finalize() };
}
