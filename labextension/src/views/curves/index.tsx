import type { ReactElement } from 'react';
import { formatValue } from '../../components/format';
import { useValue } from '../hooks';
import type { IModel } from '../model';
import { defineView } from '../mount';
import { Curves, useCharts } from './curves';
import { extent, finite } from './series';
import type { ICurvesRun, ICurvesState, ISeries } from './state';

type Model = IModel<ICurvesState>;

/** The live curves of a run, as they stand in a notebook. */
function CurvesView({ model }: { model: Model }): ReactElement {
  const series = useValue(model, 'series');
  const run = useValue(model, 'run');
  const error = useValue(model, 'error');
  const live = useValue(model, 'live');
  const x = useValue(model, 'x');
  const log = useValue(model, 'log_scale');
  const planned = useValue(model, 'planned');
  const origin = useValue(model, 'origin_ms');
  const drawn = useCharts(series);
  const choose = <K extends 'x' | 'log_scale'>(key: K, value: ICurvesState[K]) => {
    model.set(key, value);
    model.save_changes();
  };
  return (
    <section className="jp-MlopsLab-curves-card" aria-label={run?.name ?? 'Curves'}>
      {run && <Head run={run} error={error} />}
      {drawn.length > 0 ? (
        <Curves
          series={series}
          live={live}
          planned={planned}
          origin_ms={origin}
          x={x}
          log_scale={log}
          onX={value => choose('x', value)}
          onLog={value => choose('log_scale', value)}
        />
      ) : (
        <Single series={series} live={live} />
      )}
    </section>
  );
}

function Head({ run, error }: { run: ICurvesRun; error: string | null }): ReactElement {
  return (
    <header className="jp-MlopsLab-curves-head">
      <b>{run.name}</b>
      <span className={`jp-MlopsLab-curves-status jp-mod-${run.status}`}>{run.status}</span>
      {error !== null && <span role="status">{error}</span>}
    </header>
  );
}

/** Metrics that were logged once have a value and no curve. */
function Single({ series, live }: { series: readonly ISeries[]; live: boolean }): ReactElement {
  if (series.length === 0) {
    return (
      <p className="jp-MlopsLab-curves-none" role="status">
        {live ? 'No metric has been logged yet.' : 'No metric was logged.'}
      </p>
    );
  }
  return (
    <dl className="jp-MlopsLab-curves-values">
      {series.map(one => {
        const found = extent(one);
        const last = found && finite(one.values[found.last]);
        return (
          <div key={one.key}>
            <dt>{one.key}</dt>
            <dd>{last === null ? '–' : formatValue(last, 4)}</dd>
          </div>
        );
      })}
    </dl>
  );
}

export default defineView<ICurvesState>(CurvesView);
