import { useId, useMemo } from 'react';
import type { ReactElement } from 'react';
import { useText } from '../text';
import { CurveChart } from './chart';
import { charts } from './series';
import type { IChart } from './series';
import type { ICurvesState, ISeries, XAxis } from './state';

export interface ICurvesProps extends Omit<ICurvesState, 'run' | 'error'> {
  /** Show the first so many charts, without the choices. */
  limit?: number;
  onX?: (x: XAxis) => void;
  onLog?: (log: string[]) => void;
}

/** The charts of some series beside each other; their cursors move together. */
export function Curves(props: ICurvesProps): ReactElement | null {
  const { series, x, log_scale: log, limit, onX, onLog } = props;
  const t = useText();
  const sync = useId();
  const all = useCharts(series);
  const shown = limit === undefined ? all : all.slice(0, limit);
  if (shown.length === 0) {
    return null;
  }
  const toggle = (chart: IChart, on: boolean) =>
    onLog?.(on ? [...log, chart.id] : log.filter(id => id !== chart.id));
  return (
    <div className="jp-MlopsLab-curves">
      {onX && (
        <div className="jp-MlopsLab-curves-bar" role="group" aria-label={t('Horizontal axis')}>
          <Choice chosen={x === 'step'} onChoose={() => onX('step')} label={t('Step')} />
          <Choice chosen={x === 'time'} onChoose={() => onX('time')} label={t('Elapsed')} />
        </div>
      )}
      <div className="jp-MlopsLab-curves-grid">
        {shown.map(chart => (
          <CurveChart
            key={chart.id}
            chart={chart}
            x={x}
            origin={props.origin_ms}
            planned={props.planned}
            live={props.live}
            log={log.includes(chart.id)}
            sync={sync}
            onLog={onLog && (on => toggle(chart, on))}
          />
        ))}
      </div>
    </div>
  );
}

/** Series with a line to draw, as charts. One point is a value, not a curve. */
export function useCharts(series: readonly ISeries[]): IChart[] {
  return useMemo(() => charts(series.filter(one => one.values.length > 1)), [series]);
}

function Choice(props: { chosen: boolean; label: string; onChoose: () => void }): ReactElement {
  return (
    <button
      type="button"
      aria-pressed={props.chosen}
      className={props.chosen ? 'jp-mod-selected' : ''}
      onClick={props.onChoose}
    >
      {props.label}
    </button>
  );
}
