import { useEffect, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import { ErrorBox } from '../../../components';
import { drawChart } from '../../../views/chart/draw';
import type { IDrawn, IVega } from '../../../views/chart/draw';
import type { IChart } from '../../../views/chart/spec';
import { useWidth } from '../../../views/hooks';
import { useText } from '../../../views/text';

/** A Vega or Vega-Lite chart that a run has kept: a user's words, so no code and no addresses. */
export function Vega({ source }: { source: string }): ReactElement {
  const t = useText();
  const host = useRef<HTMLDivElement>(null);
  const width = useSettled(useWidth(host, 0));
  const [words, setWords] = useState<IChart | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    let drawn: IDrawn | undefined;
    let gone = false;
    const draw = async () => {
      const vega = await loadVega();
      if (gone || host.current === null) {
        return;
      }
      drawn = await drawChart(host.current, source, width, vega);
      if (gone) {
        drawn.finalize();
        return;
      }
      setWords(drawn.chart);
      setFailure(null);
    };
    if (width > 0) {
      draw().catch((reason: Error) => gone || setFailure(reason.message));
    }
    return () => {
      gone = true;
      drawn?.finalize();
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

/** A chunk of its own, loaded with the first chart. */
async function loadVega(): Promise<IVega> {
  const [{ default: embed }, { expressionInterpreter }] = await Promise.all([
    import('vega-embed'),
    import('vega-interpreter')
  ]);
  return { embed, expressionInterpreter };
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
