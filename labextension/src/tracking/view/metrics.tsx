import { useState } from 'react';
import type { ReactElement } from 'react';
import { Badge, Block, formatCount, formatMetric } from '../../components';
import type { IMetricSummary, ISeries } from '../../api/types';
import { Curves } from '../../views/curves/curves';
import type { XAxis } from '../../views/curves/state';
import { useText } from '../../views/text';
import { measured, ranked, shownMetrics, shownSeries } from './facts';
import { isLive } from './load';
import type { IPart, IRunData } from './load';

/** All metrics: what has a course as curves, everything as a table. */
export function Metrics({ data }: { data: IRunData }): ReactElement {
  const t = useText();
  const [x, setX] = useState<XAxis>('step');
  const [log, setLog] = useState<readonly string[]>([]);
  const [wanted, setWanted] = useState('');
  const [system, setSystem] = useState(false);
  const parts = measured(data);
  const hidden = [data, ...data.steps].some(
    ({ run }) => run.metrics.length > shownMetrics(run).length
  );
  const count = parts.reduce((sum, { run }) => sum + run.metrics.length, 0);
  const matches = (key: string) => key.toLowerCase().includes(wanted.trim().toLowerCase());
  return (
    <div className="jp-MlopsLab-pane">
      {(count > 12 || hidden) && (
        <div className="jp-MlopsLab-row-flex">
          <input
            type="search"
            className="jp-MlopsLab-filter"
            placeholder={t('Filter %1 metrics', count)}
            aria-label={t('Filter metrics by name')}
            value={wanted}
            onChange={event => setWanted(event.target.value)}
          />
          {hidden && (
            <label className="jp-MlopsLab-small">
              <input
                type="checkbox"
                checked={system}
                onChange={event => setSystem(event.target.checked)}
              />{' '}
              {t("the machine's own")}
            </label>
          )}
        </div>
      )}
      {parts.map(part => {
        const all = system ? part.run.metrics : ranked(part.run, data.run.metric?.key ?? null);
        const metrics = all.filter(metric => matches(metric.key));
        const drawn = system ? part.series : shownSeries(part.series);
        return metrics.length === 0 ? null : (
          <Group
            key={part.run.id}
            part={{ ...part, series: ordered(drawn, metrics) }}
            metrics={metrics}
            titled={parts.length > 1 || part.run.id !== data.run.id}
            x={x}
            log={log}
            onX={setX}
            onLog={setLog}
          />
        );
      })}
    </div>
  );
}

/** The series of some metrics, in their order. */
function ordered(series: readonly ISeries[], metrics: readonly IMetricSummary[]): ISeries[] {
  return metrics.flatMap(metric => series.filter(one => one.key === metric.key));
}

function Group(props: {
  part: IPart;
  metrics: readonly IMetricSummary[];
  titled: boolean;
  x: XAxis;
  log: readonly string[];
  onX: (x: XAxis) => void;
  onLog: (log: string[]) => void;
}): ReactElement {
  const t = useText();
  const { part, metrics, titled, x, log, onX, onLog } = props;
  const { run, series } = part;
  return (
    <Block title={titled ? run.name : t('Metrics')} note={formatCount(metrics.length)}>
      <Curves
        series={series}
        live={isLive(run)}
        planned={run.planned_steps}
        origin_ms={run.started_at === null ? null : Date.parse(run.started_at)}
        x={x}
        log_scale={log}
        onX={onX}
        onLog={onLog}
      />
      <div className="jp-MlopsLab-scroll jp-MlopsLab-metric-table">
        <table className="jp-MlopsLab-table">
          <thead>
            <tr>
              <th>{t('metric')}</th>
              {[t('last'), t('best'), t('at step'), t('least'), t('greatest'), t('points')].map(
                name => (
                  <th key={name} className="jp-MlopsLab-num">
                    {name}
                  </th>
                )
              )}
            </tr>
          </thead>
          <tbody>
            {metrics.map(metric => (
              <Row key={metric.key} metric={metric} />
            ))}
          </tbody>
        </table>
      </div>
    </Block>
  );
}

function Row({ metric }: { metric: IMetricSummary }): ReactElement {
  const t = useText();
  // What was logged once is its own best, least and greatest: nothing to repeat.
  const course = (value: number | null) => (metric.n > 1 ? formatMetric(metric.key, value, 4) : '');
  const high = metric.direction === 'max';
  const goal = high ? t('better high') : t('better low');
  const guessed = metric.guessed ? t(', by a guess: set it in mlops.toml') : '';
  const number = 'jp-MlopsLab-num';
  return (
    <tr>
      <td>
        {metric.key}{' '}
        <span className="jp-MlopsLab-muted" title={goal + guessed}>
          {high ? '↑' : '↓'}
          {metric.guessed ? '?' : ''}
        </span>{' '}
        {metric.not_finite > 0 && (
          <Badge tone="warn" title={t('NaN or infinite')}>
            {t('%1 not finite', formatCount(metric.not_finite))}
          </Badge>
        )}
      </td>
      <td className={`${number} jp-MlopsLab-strong`}>{formatMetric(metric.key, metric.last, 4)}</td>
      <td className={number}>{course(metric.best)}</td>
      <td className={`${number} jp-MlopsLab-muted`}>
        {metric.best_step === null || metric.n < 2 ? '' : formatCount(metric.best_step)}
      </td>
      <td className={`${number} jp-MlopsLab-muted`}>{course(metric.min)}</td>
      <td className={`${number} jp-MlopsLab-muted`}>{course(metric.max)}</td>
      <td className={`${number} jp-MlopsLab-muted`}>{formatCount(metric.n)}</td>
    </tr>
  );
}
