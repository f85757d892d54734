import { useContext, useState } from 'react';
import type { ReactElement } from 'react';
import {
  Age,
  Badge,
  Elapsed,
  Icon,
  StatusGlyph,
  formatDuration,
  formatTime
} from '../../components';
import type { IRunDetail } from '../../api/types';
import { useText } from '../../views/text';
import { ActionsContext } from './actions';
import { stateBadge } from './facts';
import { isLive } from './load';

/** What the run is, how it stands, and what can be done with it. */
export function Header({ run }: { run: IRunDetail }): ReactElement {
  const t = useText();
  const actions = useContext(ActionsContext);
  const badge = stateBadge(run, t);
  const live = isLive(run);
  const deleted = run.lifecycle !== 'active';
  // Its kernel may take some seconds to end.
  const [stopping, setStopping] = useState(false);
  const rerun = run.kind === 'pipeline' ? run.source.pipeline : null;
  return (
    <header className="jp-MlopsLab-view-head">
      <div className="jp-MlopsLab-view-name">
        <div className="jp-MlopsLab-row-flex">
          <Icon
            name={run.kind === 'pipeline' ? 'pipeline' : 'run'}
            label={kindText(run, t)}
            className="jp-MlopsLab-muted"
          />
          <h1
            className="jp-MlopsLab-title jp-MlopsLab-ellipsis"
            title={t('%1: double-click to rename', run.name)}
            onDoubleClick={() => actions.rename()}
          >
            {run.name}
          </h1>
          <button
            type="button"
            className={`jp-MlopsLab-icon-button jp-MlopsLab-runstar${run.starred ? ' jp-mod-on' : ''}`}
            aria-pressed={run.starred}
            title={run.starred ? t('Remove the star') : t('Star')}
            onClick={() => actions.star()}
          >
            <Icon name="star" size={14} label={t('Star')} />
          </button>
          <Badge tone={badge.tone}>
            <span aria-hidden>
              <StatusGlyph status={run.status} outcome={run.outcome} />
            </span>
            {badge.text}
          </Badge>
          {live && run.subline !== '' && (
            <span className="jp-MlopsLab-small jp-MlopsLab-muted jp-MlopsLab-ellipsis">
              {run.subline}
            </span>
          )}
        </div>
        <div className="jp-MlopsLab-meta">
          <span>{kindText(run, t)}</span>
          {run.experiment && (
            <span>
              {t('experiment')} <b>{run.experiment.name}</b>
            </span>
          )}
          {run.parent !== null && (
            <button
              type="button"
              className="jp-MlopsLab-link"
              onClick={() => actions.open(run.parent as string)}
            >
              {t('part of another run')}
            </button>
          )}
          {run.author && <span>{run.author}</span>}
          {run.started_at !== null && (
            <span>
              {formatTime(run.started_at)},{' '}
              <Age at={run.started_at} ago={age => t('%1 ago', age)} />
            </span>
          )}
          <span>{live ? <Elapsed since={run.started_at} /> : formatDuration(run.duration_s)}</span>
          <button
            type="button"
            className="jp-MlopsLab-copy jp-MlopsLab-mono"
            title={t('Copy the id %1', run.id)}
            onClick={() => actions.copyId()}
          >
            {run.id.slice(0, 8)}
          </button>
        </div>
      </div>
      <div className="jp-MlopsLab-view-actions">
        {rerun !== null && !live && !deleted && (
          <button type="button" className="jp-MlopsLab-button" onClick={() => actions.rerun(rerun)}>
            <Icon name="rerun" size={14} />
            {t('Re-run')}
          </button>
        )}
        {live && run.can_cancel && (
          <button
            type="button"
            className="jp-MlopsLab-button"
            disabled={stopping}
            onClick={() => {
              setStopping(true);
              void actions.stop().then(asked => setStopping(asked));
            }}
          >
            <Icon name="stop" size={14} />
            {stopping ? t('Stopping') : t('Stop')}
          </button>
        )}
        {!deleted && run.kind !== 'report' && (
          <button
            type="button"
            className="jp-MlopsLab-button"
            title={t('Make one file of it, to send and to print')}
            onClick={() => actions.report()}
          >
            <Icon name="file" size={14} />
            {t('Report…')}
          </button>
        )}
        <button
          type="button"
          className="jp-MlopsLab-button jp-mod-icon"
          aria-haspopup="menu"
          title={t('More')}
          onClick={event => actions.menu(event.currentTarget.getBoundingClientRect())}
        >
          <Icon name="more" label={t('More')} />
        </button>
      </div>
    </header>
  );
}

function kindText(run: IRunDetail, t: (text: string) => string): string {
  switch (run.kind) {
    case 'pipeline':
      return t('pipeline run');
    case 'step':
      return t('step of a pipeline run');
    case 'training':
      return t('run');
    default:
      return `${run.kind} ${t('run')}`;
  }
}
