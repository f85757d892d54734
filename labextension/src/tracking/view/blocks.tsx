import { useState } from 'react';
import type { ReactElement, ReactNode } from 'react';
import { Badge, Block, Icon, formatDuration, formatMetric } from '../../components';
import type { ICell, IGate, IMetricSummary, IParam } from '../../api/types';
import { useText } from '../../views/text';
import type { Translate } from '../../views/text';
import { environmentOf, tally } from './facts';

/** What each gate said: the sentence first, the expression as its small print. */
export function Gates({ gates }: { gates: readonly IGate[] }): ReactElement {
  const t = useText();
  const { passed, rejected, open } = tally(gates);
  const aside = (
    <>
      {passed > 0 && (
        <Badge tone="good" icon="passed">
          {t('%1 passed', passed)}
        </Badge>
      )}
      {rejected > 0 && (
        <Badge tone="bad" icon="rejected">
          {t('%1 rejected', rejected)}
        </Badge>
      )}
      {open > 0 && (
        <Badge
          icon="waiting"
          tone={gates.some(gate => gate.state === 'waiting') ? 'warn' : 'neutral'}
        >
          {t('%1 open', open)}
        </Badge>
      )}
    </>
  );
  return (
    <Block title={t('Gates')} aside={aside}>
      <ul className="jp-MlopsLab-list">
        {gates.map(gate => (
          <li key={gate.index} className={`jp-MlopsLab-gate jp-mod-${gate.state}`}>
            <Icon name={gateIcon(gate.state)} label={gate.state} />
            <span>{gate.sentence}</span>
            <code>{gate.expression}</code>
          </li>
        ))}
      </ul>
    </Block>
  );
}

function gateIcon(state: string): 'passed' | 'rejected' | 'waiting' {
  return state === 'passed' || state === 'rejected' ? state : 'waiting';
}

/** The telling metrics as figures, each beside the best it reached. */
export function Stats(props: { metrics: readonly IMetricSummary[]; live: boolean }): ReactElement {
  const { metrics, live } = props;
  const t = useText();
  return (
    <dl className="jp-MlopsLab-stats">
      {metrics.map(metric => (
        <div key={metric.key} className="jp-MlopsLab-stat">
          <dt title={metric.key}>{metric.key}</dt>
          <dd>{formatMetric(metric.key, metric.last)}</dd>
          <dd className="jp-MlopsLab-stat-note">{bestNote(metric, live, t)}</dd>
        </div>
      ))}
    </dl>
  );
}

function bestNote(metric: IMetricSummary, live: boolean, t: Translate): string {
  if (metric.n < 2 || metric.best === null) {
    return '';
  }
  const best = formatMetric(metric.key, metric.best);
  if (best !== formatMetric(metric.key, metric.last)) {
    return t('best %1', best);
  }
  return live ? t('the best so far') : t('its best');
}

/** The cells as they were executed: number, first line, time. */
export function Cells({ cells }: { cells: readonly ICell[] }): ReactElement {
  const t = useText();
  return (
    <ol className="jp-MlopsLab-list">
      {cells.map((cell, i) => (
        <li key={cell.id ?? i} className={`jp-MlopsLab-cell jp-mod-${cell.state}`}>
          <span className="jp-MlopsLab-cell-number">[{cellMark(cell, i)}]</span>
          <code className="jp-MlopsLab-ellipsis" title={cell.source ?? ''}>
            {cell.source ?? ''}
          </code>
          <span className="jp-MlopsLab-cell-time">
            {cell.state === 'failed' ? (
              <Icon name="rejected" size={12} label={t('failed')} />
            ) : null}
            {cell.duration_s === null ? '' : formatDuration(cell.duration_s)}
          </span>
        </li>
      ))}
    </ol>
  );
}

function cellMark(cell: ICell, i: number): string {
  return cell.state === 'running' ? '*' : String(cell.index ?? i + 1);
}

/** Params in the order they were logged. */
export function Params({ params }: { params: readonly IParam[] }): ReactElement {
  const t = useText();
  return (
    <Block title={t('Params')}>
      <dl className="jp-MlopsLab-kv">
        {params.map(param => (
          <div key={param.key}>
            <dt title={param.key}>{param.key}</dt>
            <dd title={paramText(param.value)}>
              {param.value === '' ? (
                <span className="jp-MlopsLab-muted">{t('empty')}</span>
              ) : (
                paramText(param.value)
              )}
              {param.changed && (
                <Badge title={t('Logged again with another value: this is the last one')}>
                  {t('changed')}
                </Badge>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </Block>
  );
}

function paramText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Where it ran: enough to judge a difference, the rest on demand. */
export function Environment({ record }: { record: Record<string, unknown> }): ReactElement {
  const t = useText();
  const [open, setOpen] = useState<'packages' | 'diff' | null>(null);
  const { git, python, machine, packages, telling } = environmentOf(record);
  const toggle = (part: 'packages' | 'diff') => setOpen(open === part ? null : part);
  return (
    <Block title={t('Environment')}>
      <dl className="jp-MlopsLab-kv">
        {git && (
          <div>
            <dt>{t('git')}</dt>
            <dd>
              <code>{git.commit.slice(0, 7)}</code> {git.branch}{' '}
              {git.dirty ? (
                git.diff === null ? (
                  <span className="jp-MlopsLab-muted">{t('uncommitted changes')}</span>
                ) : (
                  <Unfold open={open === 'diff'} onClick={() => toggle('diff')}>
                    {t('uncommitted changes')}
                  </Unfold>
                )
              ) : (
                <span className="jp-MlopsLab-muted">{t('no uncommitted change')}</span>
              )}
            </dd>
          </div>
        )}
        {python && (
          <div>
            <dt>{t('python')}</dt>
            <dd>
              {python}{' '}
              {packages.length > 0 && (
                <Unfold open={open === 'packages'} onClick={() => toggle('packages')}>
                  {t('%1 packages', packages.length)}
                </Unfold>
              )}
            </dd>
          </div>
        )}
        {telling.map(([name, version]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{version}</dd>
          </div>
        ))}
        {machine !== '' && (
          <div>
            <dt>{t('machine')}</dt>
            <dd>{machine}</dd>
          </div>
        )}
      </dl>
      {open === 'packages' && (
        <pre className="jp-MlopsLab-fold" tabIndex={0}>
          {packages.map(([name, version]) => `${name}==${version}`).join('\n')}
        </pre>
      )}
      {open === 'diff' && (
        <pre className="jp-MlopsLab-fold" tabIndex={0}>
          {git?.diff}
        </pre>
      )}
    </Block>
  );
}

function Unfold(props: { open: boolean; onClick: () => void; children: ReactNode }): ReactElement {
  return (
    <button
      type="button"
      className="jp-MlopsLab-link"
      aria-expanded={props.open}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}
