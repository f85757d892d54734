import { useEffect, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import type { EmbedOptions, Result, VisualizationSpec } from 'vega-embed';
import { ErrorBox } from '../../../components';
import { useText } from '../../../views/text';

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
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    let result: Result | undefined;
    let gone = false;
    const draw = async () => {
      const spec = safeSpec(source);
      const [{ default: embed }, { expressionInterpreter }] = await Promise.all([
        import('vega-embed'),
        import('vega-interpreter')
      ]);
      if (gone || host.current === null) {
        return;
      }
      result = await embed(host.current, spec, {
        actions: false,
        renderer: 'svg',
        // Expressions are walked, not compiled: no `eval` of what a user wrote.
        ast: true,
        expr: expressionInterpreter,
        loader: NO_ADDRESSES,
        tooltip: true,
        config: CONFIG,
        logLevel: 1
      } as unknown as EmbedOptions);
      setFailure(null);
      if (gone) {
        result.finalize();
      }
    };
    draw().catch((reason: Error) => gone || setFailure(reason.message));
    return () => {
      gone = true;
      result?.finalize();
    };
  }, [source]);
  return (
    <>
      {failure !== null && <ErrorBox title={t('The chart cannot be drawn')} detail={failure} />}
      <div ref={host} className="jp-MlopsLab-vega" hidden={failure !== null} />
    </>
  );
}

/** The specification without what could change how it is embedded: `usermeta` outranks our options. */
export function safeSpec(source: string): VisualizationSpec {
  const spec = JSON.parse(source) as Record<string, unknown>;
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) {
    throw new Error('This is no chart.');
  }
  delete spec.usermeta;
  const { config } = spec as { config?: { view?: { continuousWidth?: number } } };
  // Altair writes a fixed width; a chart of one view fits the place it is given instead.
  const single = 'mark' in spec || 'layer' in spec;
  if (single && (spec.width === undefined || config?.view?.continuousWidth !== undefined)) {
    spec.width ??= 'container';
    spec.autosize ??= { type: 'fit', contains: 'padding' };
  }
  return spec as unknown as VisualizationSpec;
}
