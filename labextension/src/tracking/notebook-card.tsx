import type { ReactElement } from 'react';
import type { INotebookMetric, INotebookRuns, IRunRow } from '../api/types';
import {
  Age,
  Elapsed,
  Icon,
  Skeleton,
  Sparkline,
  StatusGlyph,
  formatDifference,
  formatValue,
  judge,
  useWidth
} from '../components';
import { useChanged } from '../state/use';
import type { RunsModel } from './model';
import { doneOf } from './run-row';

export interface INotebookCardProps {
  model: RunsModel;
  open: (id: string) => void;
  stop: (run: IRunRow) => void;
}

/** The current notebook's run: where it is, its two goal metrics against the best run here. */
export function NotebookCard({ model, open, stop }: INotebookCardProps): ReactElement {
  useChanged(model.card);
  const { trans } = model;
  const name = (model.notebook ?? '').split('/').pop() ?? '';
  const runs = model.card?.value ?? null;
  const run = runs?.active ?? runs?.last ?? null;
  return (
    <div className="jp-MlopsLab-card" role="group" aria-label={trans.__('This notebook')}>
      <div className="jp-MlopsLab-card-head">
        <NotebookIcon />
        <span className="jp-MlopsLab-ellipsis jp-MlopsLab-strong" title={model.notebook ?? ''}>
          {name}
        </span>
        <span className="jp-MlopsLab-spacer" />
        {runs !== null && runs.runs > 1 && (
          <span className="jp-MlopsLab-micro jp-MlopsLab-muted">
            {trans._n('%1 run', '%1 runs', runs.runs)}
          </span>
        )}
      </div>
      {runs === null ? (
        <CardSkeleton />
      ) : run === null ? (
        <div className="jp-MlopsLab-card-foot">{trans.__('No run from this notebook yet')}</div>
      ) : (
        <CardRun model={model} runs={runs} run={run} open={open} stop={stop} />
      )}
    </div>
  );
}

function CardRun(props: {
  model: RunsModel;
  runs: INotebookRuns;
  run: IRunRow;
  open: (id: string) => void;
  stop: (run: IRunRow) => void;
}): ReactElement {
  const { model, runs, run, open, stop } = props;
  const { trans } = model;
  const live = run.status === 'running';
  const metrics = runs.metrics.slice(0, 2);
  return (
    <>
      <div className="jp-MlopsLab-card-line">
        <StatusGlyph status={run.status} outcome={run.outcome} />
        <button
          type="button"
          className="jp-MlopsLab-card-name jp-MlopsLab-ellipsis"
          title={trans.__('Open %1', run.name)}
          onClick={() => open(run.id)}
        >
          {run.name}
        </button>
        <span
          className="jp-MlopsLab-micro jp-MlopsLab-muted jp-MlopsLab-ellipsis jp-MlopsLab-card-sub"
          title={run.reason ?? run.subline}
        >
          {run.subline}
        </span>
        <span className="jp-MlopsLab-micro jp-MlopsLab-muted jp-MlopsLab-card-time">
          {run.subline && '· '}
          {live ? <Elapsed since={run.started_at} /> : <Age at={run.ended_at ?? run.started_at} />}
        </span>
        <span className="jp-MlopsLab-spacer" />
        {live && (
          <button
            type="button"
            className="jp-MlopsLab-icon-button"
            aria-label={trans.__('Stop %1', run.name)}
            title={trans.__('Stop %1', run.name)}
            onClick={() => stop(run)}
          >
            <Icon name="stop" size={14} />
          </button>
        )}
      </div>
      {metrics.length > 0 && (
        <div className="jp-MlopsLab-card-metrics">
          {metrics.map((metric, index) => (
            <CardMetric key={metric.key} metric={metric} series={index + 1} done={doneOf(run)} />
          ))}
        </div>
      )}
      {live && run.planned_steps !== null && (
        <div
          className="jp-MlopsLab-progress"
          role="progressbar"
          aria-valuenow={run.step ?? 0}
          aria-valuemax={run.planned_steps}
          aria-label={trans.__('Steps of %1', run.name)}
        >
          <i style={{ width: `${100 * Math.min(1, doneOf(run))}%` }} />
        </div>
      )}
      {metrics.length > 0 && (
        <div className="jp-MlopsLab-card-foot jp-MlopsLab-ellipsis">
          {comparison(model, runs, run)}
        </div>
      )}
    </>
  );
}

/** What the differences are against. */
function comparison(model: RunsModel, runs: INotebookRuns, run: IRunRow): string {
  const { trans } = model;
  if (runs.best === null || runs.runs < 2) {
    return trans.__('the first run here');
  }
  return runs.best.id === run.id
    ? trans.__('%1 is the best of %2 here', run.name, runs.runs)
    : trans.__('▲▼ against %1, the best here', runs.best.name);
}

function CardMetric(props: {
  metric: INotebookMetric;
  series: number;
  done: number;
}): ReactElement {
  const { metric, series, done } = props;
  const [box, width] = useWidth<HTMLDivElement>();
  const judged = judge(metric.difference, metric.direction);
  const difference = metric.difference === null ? null : formatDifference(metric.difference);
  return (
    <div className="jp-MlopsLab-card-metric" ref={box}>
      <div className="jp-MlopsLab-card-label">
        <span className="jp-MlopsLab-ellipsis" title={metric.key}>
          {metric.key}
        </span>
        {difference !== null && (
          <span className={judged === null ? '' : `jp-MlopsLab-${judged}`}>
            {judged !== null && (metric.difference! > 0 ? '▲ ' : '▼ ')}
            {difference}
          </span>
        )}
      </div>
      <b>{formatValue(metric.value)}</b>
      <div className="jp-MlopsLab-card-course">
        {width > 0 && (
          <Sparkline
            values={metric.sparkline}
            width={width}
            height={24}
            done={done}
            className={`jp-MlopsLab-series-${series}`}
          />
        )}
      </div>
    </div>
  );
}

function CardSkeleton(): ReactElement {
  return (
    <div className="jp-MlopsLab-card-skeleton" aria-hidden>
      <Skeleton width={120} height={10} />
      <div>
        <Skeleton width={110} height={24} />
        <Skeleton width={110} height={24} />
      </div>
    </div>
  );
}

function NotebookIcon(): ReactElement {
  return (
    <svg
      viewBox="0 0 22 22"
      width="14"
      height="14"
      className="jp-MlopsLab-notebook-icon"
      aria-hidden
    >
      <path fill="none" stroke="currentColor" strokeWidth="2" d="M3 3h16v16H3z" />
      <path fill="currentColor" d="M7 6h8v10l-4-3-4 3z" />
    </svg>
  );
}

/** The card and the rows while the first answer is awaited, in their final geometry. */
export function CardPlaceholder(): ReactElement {
  return (
    <div className="jp-MlopsLab-card" aria-hidden>
      <div className="jp-MlopsLab-card-head">
        <Skeleton width={84} height={10} />
        <span className="jp-MlopsLab-spacer" />
        <Skeleton width={40} height={10} />
      </div>
      <CardSkeleton />
    </div>
  );
}
