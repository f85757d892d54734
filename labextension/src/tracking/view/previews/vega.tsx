import { useEffect, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import type { EmbedOptions, Result } from 'vega-embed';
import { ErrorBox } from '../../../components';
import { useWidth } from '../../../views/hooks';
import { useText } from '../../../views/text';
import { chartOf } from './vega-spec';
import type { IChart } from './vega-spec';

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

/** A Vega or Vega-Lite chart that a run has kept: a user's words, so no code and no addresses. */
export function Vega({ source }: { source: string }): ReactElement {
  const t = useText();
  const host = useRef<HTMLDivElement>(null);
  const width = useSettled(useWidth(host, 0));
  const [words, setWords] = useState<IChart | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    let result: Result | undefined;
    let gone = false;
    const draw = async () => {
      const chart = chartOf(source, width);
      const [{ default: embed }, { expressionInterpreter }] = await Promise.all([
        import('vega-embed'),
        import('vega-interpreter')
      ]);
      if (gone || host.current === null) {
        return;
      }
      const options = {
        actions: false,
        renderer: 'svg',
        // Expressions are walked, not compiled: no `eval` of what a user wrote.
        ast: true,
        expr: expressionInterpreter,
        loader: NO_ADDRESSES,
        tooltip: true,
        config: CONFIG,
        logLevel: 1
      } as unknown as EmbedOptions;
      result = await embed(host.current, chart.spec, options);
      if (!gone && chart.own !== null && result.view.width() < LEAST_PLOT * width) {
        // What is placed by pixels beyond the plot counts as its margin: fitted, nothing is left of
        // the plot. So it is drawn as its author saw it, and made smaller.
        result.finalize();
        result = await embed(host.current, chart.own, options);
      }
      if (gone) {
        result.finalize();
        return;
      }
      setWords(chart);
      setFailure(null);
    };
    if (width > 0) {
      draw().catch((reason: Error) => gone || setFailure(reason.message));
    }
    return () => {
      gone = true;
      result?.finalize();
    };
  }, [source, width]);
  return (
    <>
      {failure !== null && <ErrorBox title={t('The chart cannot be drawn')} detail={failure} />}
      {words !== null && failure === null && words.title.length > 0 && (
        <div className="jp-MlopsLab-vega-title">
          <b>{words.title.join(' ')}</b>
          {words.subtitle.length > 0 && <span>{words.subtitle.join(' ')}</span>}
        </div>
      )}
      <div ref={host} className="jp-MlopsLab-vega" hidden={failure !== null} />
    </>
  );
}

/** A width once it rests: a chart is not drawn for each pixel of a drag. */
function useSettled(width: number): number {
  const [settled, setSettled] = useState(width);
  useEffect(() => {
    if (settled === 0) {
      setSettled(width);
      return;
    }
    const timer = window.setTimeout(() => setSettled(width), 150);
    return () => window.clearTimeout(timer);
  }, [width, settled]);
  return settled;
}
