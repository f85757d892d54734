import type { ReactElement } from 'react';
import { Badge } from '../../components/badge';
import { formatCount, formatTime } from '../../components/format';
import { Icon } from '../../components/icon';
import { useValue } from '../hooks';
import type { IModel } from '../model';
import { useText } from '../text';
import type { ISaid } from './context';
import { useShown } from './context';
import { Copied, useCopy } from './copy';
import { measureLabel, spanText } from './facts';
import { useHost } from './host';
import type { IDriftState, IEvaluation, Measure } from './state';

type Model = IModel<IDriftState>;

const MEASURES: readonly Measure[] = ['effect', 'wasserstein', 'psi'];

/** What is watched, what is to be said of it, and what can be done. */
export function Head(props: { model: Model; onSaid: (said: ISaid) => void }): ReactElement {
  const { model, onSaid } = props;
  const t = useText();
  const { evaluation } = useShown();
  const { alive, busy, opens, ask, may } = useHost();
  const monitor = useValue(model, 'monitor');
  const updated = useValue(model, 'updated_ms');
  const name = evaluation.monitor ?? monitor?.name ?? null;
  const running = (monitor?.running ?? null) !== null;
  const { current, summary } = evaluation;
  return (
    <header className="jp-MlopsLab-drift-head">
      <div className="jp-MlopsLab-drift-title">
        <div className="jp-MlopsLab-row-flex">
          <Icon name="monitor" className="jp-MlopsLab-muted" />
          <h1 className="jp-MlopsLab-title jp-MlopsLab-ellipsis" title={evaluation.title}>
            {name ?? t('Drift')}
          </h1>
          <StateBadge model={model} evaluation={evaluation} />
        </div>
        <p className="jp-MlopsLab-drift-summary">{summary.sentence}</p>
        <div className="jp-MlopsLab-drift-meta">
          <span>{evaluation.title}</span>
          {monitor !== null && monitor.model !== null && (
            <span>
              {t('model')} <Node node={`model:${monitor.model}`} text={monitor.model} />
            </span>
          )}
          <span>
            {t('%1 rows', formatCount(current.rows))}
            {periodText(evaluation)}
          </span>
          {monitor !== null && monitor.next_at !== null && (
            <span>{t('next check %1', formatTime(monitor.next_at))}</span>
          )}
          {!alive && !busy && updated !== null && (
            <span>{t('as of %1', formatTime(new Date(updated).toISOString()))}</span>
          )}
        </div>
      </div>
      <div className="jp-MlopsLab-drift-actions">
        {alive && name !== null && opens.includes('monitor') && (
          <button
            type="button"
            className="jp-MlopsLab-button"
            onClick={() => void ask({ verb: 'open', node: `monitor:${name}` })}
          >
            {t('Edit monitor')}
          </button>
        )}
        {name !== null && may('monitors:check') && (
          <button
            type="button"
            className="jp-MlopsLab-button"
            disabled={running}
            onClick={() => void ask({ verb: 'check' }).then(onSaid)}
          >
            <Icon name="refresh" size={14} />
            {running ? t('Checking…') : t('Check now')}
          </button>
        )}
      </div>
    </header>
  );
}

/** A thing by its name; a way to it where the host has one. */
function Node({ node, text }: { node: string; text: string }): ReactElement {
  const { alive, opens, ask } = useHost();
  return alive && opens.includes(node.split(':', 1)[0]) ? (
    <button
      type="button"
      className="jp-MlopsLab-link"
      onClick={() => void ask({ verb: 'open', node })}
    >
      {text}
    </button>
  ) : (
    <span>{text}</span>
  );
}

function StateBadge(props: { model: Model; evaluation: IEvaluation }): ReactElement {
  const { model, evaluation } = props;
  const t = useText();
  const alerts = useValue(model, 'alerts');
  const open =
    alerts === null
      ? evaluation.alerts.filter(one => one.open && one.severity !== 'info').length
      : alerts.filter(one => one.status === 'open' && one.severity !== 'info').length;
  const { state } = evaluation.summary;
  if (open > 0) {
    return (
      <Badge tone={state === 'alert' ? 'bad' : 'warn'} icon="alert">
        {open === 1 ? t('1 open alert') : t('%1 open alerts', open)}
      </Badge>
    );
  }
  const settled =
    alerts?.filter(
      ({ status, severity }) =>
        (status === 'acknowledged' || status === 'muted') && severity !== 'info'
    ).length ?? 0;
  if (settled > 0) {
    return <Badge icon="check">{t('%1 acknowledged or muted', settled)}</Badge>;
  }
  if (state === 'small') {
    return <Badge icon="waiting">{t('too few rows')}</Badge>;
  }
  return (
    <Badge
      tone={state === 'quality' ? 'warn' : 'good'}
      icon={state === 'quality' ? 'table' : 'passed'}
    >
      {state === 'quality' ? t('data quality') : t('no open alert')}
    </Badge>
  );
}

/** How it is cut, without why. */
export function briefly(told: string): string {
  return told.split(/[:;]/, 1)[0];
}

/** From when to when, in words. */
function periodText({ chunks }: IEvaluation): string {
  const dated = /^\d{4}-\d\d-\d\d/;
  if (chunks.length === 0 || !chunks.every(chunk => dated.test(chunk.key))) {
    return '';
  }
  const [first, last] = [chunks[0], chunks[chunks.length - 1]];
  const [began, ended] = [first.key.slice(0, 4), last.key.slice(0, 4)];
  if (chunks.length === 1 || began === ended) {
    const told = chunks.length === 1 ? first.label : spanText(first.label, last.label);
    return `, ${/\d{4}/.test(told) ? told : `${told} ${ended}`}`;
  }
  const [begin] = spanText(first.label, last.label).split(' to ');
  return `, ${begin} ${began} to ${last.label.split(' to ').pop()} ${ended}`;
}

/** How it is looked at. */
export function Controls(props: {
  model: Model;
  onHelp: () => void;
  onSaid: (said: ISaid) => void;
}): ReactElement {
  const { model, onHelp, onSaid } = props;
  const t = useText();
  const { evaluation, selection } = useShown();
  const { alive, ask, choose } = useHost();
  const yaml = useValue(model, 'yaml');
  const reports = useValue(model, 'reports');
  const [copied, copy] = useCopy();
  const { reference, chunking, segments } = evaluation;
  const kinds = { fixed: t('fixed'), rolling: t('rolling'), training: t('training window') };
  return (
    <div className="jp-MlopsLab-drift-controls">
      <span
        className="jp-MlopsLab-drift-told"
        title={t('%1 rows in %2 chunks', formatCount(reference.rows), reference.chunks)}
      >
        {t('Reference')} <b>{reference.told}</b>{' '}
        <span className="jp-MlopsLab-muted">{kinds[reference.kind]}</span>
      </span>
      <span className="jp-MlopsLab-drift-told" title={chunking.told}>
        {t('Chunk')} <b>{briefly(chunking.told)}</b>
      </span>
      <span className="jp-MlopsLab-drift-told">
        <span id="jp-mlops-measure">{t('Measure')}</span>
        <span className="jp-MlopsLab-drift-switch" role="group" aria-label={t('Measure')}>
          {MEASURES.map(measure => (
            <button
              key={measure}
              type="button"
              aria-pressed={selection.measure === measure}
              title={
                measure === 'effect'
                  ? t('D of Kolmogorov and Smirnov; total variation of categories')
                  : measure === 'wasserstein'
                    ? t('Wasserstein distance in standard deviations of the reference')
                    : t('Population stability index')
              }
              onClick={() => choose({ measure })}
            >
              {measureLabel(null, measure)}
            </button>
          ))}
        </span>
      </span>
      {segments !== undefined && segments !== null && alive && (
        <label className="jp-MlopsLab-drift-told">
          {t('Segment')}
          <select
            value={selection.segment ?? ''}
            onChange={event => choose({ segment: event.target.value || null })}
          >
            <option value="">{t('all rows')}</option>
            {segments.values.map(value => (
              <option key={value} value={value}>
                {segments.by} {value}
              </option>
            ))}
          </select>
        </label>
      )}
      <span className="jp-MlopsLab-spacer" />
      <span className="jp-MlopsLab-row-flex">
        <Copied copied={copied} />
        {yaml !== null && (
          <button
            type="button"
            className="jp-MlopsLab-button jp-mod-small"
            onClick={() => copy(yaml)}
          >
            <Icon name={copied ? 'check' : 'copy'} size={14} />
            {copied ? t('Copied') : t('Copy monitor YAML')}
          </button>
        )}
        {alive && reports && (
          <button
            type="button"
            className="jp-MlopsLab-button jp-mod-small"
            onClick={() => void ask({ verb: 'report' }).then(onSaid)}
          >
            <Icon name="file" size={14} />
            {t('Report…')}
          </button>
        )}
        <button
          type="button"
          className="jp-MlopsLab-icon-button"
          aria-label={t('Keys')}
          title={t('Keys (?)')}
          onClick={onHelp}
        >
          <Icon name="keyboard" size={14} />
        </button>
      </span>
    </div>
  );
}
