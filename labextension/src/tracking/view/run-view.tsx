import type { ReactElement } from 'react';
import { ErrorBox, Icon, Loading, Skeleton, StaleBar, Tabs } from '../../components';
import type { ITab } from '../../components';
import { useChanged } from '../../state/use';
import { useText } from '../../views/text';
import type { Translate } from '../../views/text';
import type { IRunActions } from './actions';
import { Artifacts } from './artifacts';
import { allArtifacts, measured, notebooks, shownMetrics, withCells } from './facts';
import { Header } from './header';
import { isLive } from './load';
import type { IRunData } from './load';
import { Log } from './log';
import { Metrics } from './metrics';
import type { RunModel, RunTab } from './model';
import { Notebooks } from './notebooks';
import { Overview } from './overview';

/** The run view: whatever of the run is known, with the tabs that it has something for. */
export function RunView(props: { model: RunModel; actions: IRunActions }): ReactElement {
  const { model, actions } = props;
  const t = useText();
  useChanged(model);
  const { value: data, error, loadedAt } = model.data;
  if (data === null) {
    return (
      <div className="jp-MlopsLab-view">
        {error === null ? <Waiting /> : <Failure model={model} />}
      </div>
    );
  }
  const { run } = data;
  const tabs = tabsOf(data, t);
  const tab = tabs.find(one => one.id === model.tab) ?? tabs[0];
  const show = (id: RunTab, step?: string) => model.show(id, step);
  const choose = (id: string) => model.choose(id);
  return (
    <div className="jp-MlopsLab-view">
      <Header run={run} />
      {error !== null && loadedAt !== null && (
        <StaleBar since={loadedAt} onRetry={() => void model.data.refresh()} />
      )}
      {run.lifecycle !== 'active' && (
        <div className="jp-MlopsLab-stalebar" role="status">
          <Icon name="trash" size={12} />
          <span>{t('This run is deleted.')}</span>
          <button
            type="button"
            className="jp-MlopsLab-link jp-MlopsLab-strong"
            onClick={() => actions.restore()}
          >
            {t('Restore')}
          </button>
        </div>
      )}
      <Tabs tabs={tabs} shown={tab.id} onShow={show} />
      <div
        className="jp-MlopsLab-view-body"
        role="tabpanel"
        aria-label={tab.label}
        data-tab={tab.id}
        tabIndex={-1}
      >
        {tab.id === 'overview' && (
          <Overview data={data} artifact={model.artifact} onArtifact={choose} onTab={show} />
        )}
        {tab.id === 'metrics' && <Metrics data={data} />}
        {tab.id === 'artifacts' && (
          <Artifacts data={data} chosen={model.artifact} onChoose={choose} />
        )}
        {tab.id === 'notebook' && (
          <Notebooks data={data} step={model.step} onStep={id => show('notebook', id)} />
        )}
        {tab.id === 'log' && <Log key={run.id} id={run.id} live={isLive(run)} />}
      </div>
    </div>
  );
}

/** The tabs that have something to show. */
function tabsOf(data: IRunData, t: Translate): ITab<RunTab>[] {
  const metrics = measured(data).reduce((sum, { run }) => sum + shownMetrics(run).length, 0);
  const artifacts = allArtifacts(data).length;
  const tabs: (ITab<RunTab> | false)[] = [
    { id: 'overview', label: t('Overview') },
    metrics > 0 && { id: 'metrics', label: t('Metrics'), count: metrics },
    artifacts > 0 && { id: 'artifacts', label: t('Artifacts'), count: artifacts },
    (notebooks(data).length > 0 || withCells(data).length > 0) && {
      id: 'notebook',
      label: t('Notebook')
    },
    data.run.has_log && { id: 'log', label: t('Log') }
  ];
  return tabs.filter(tab => tab !== false);
}

function Failure({ model }: { model: RunModel }): ReactElement {
  const t = useText();
  const { error } = model.data;
  const gone = error?.status === 404;
  return (
    <div className="jp-MlopsLab-pane">
      <ErrorBox
        title={gone ? t('This run is not here') : t('The run cannot be read')}
        detail={
          gone
            ? t('No run %1 is in this project. It may belong to another one.', model.id)
            : (error?.message ?? '')
        }
      >
        <button
          type="button"
          className="jp-MlopsLab-button jp-mod-small"
          onClick={() => void model.data.refresh()}
        >
          {t('Retry')}
        </button>
      </ErrorBox>
    </div>
  );
}

/** The geometry of a run, before it is there. */
function Waiting(): ReactElement {
  return (
    <Loading>
      <div className="jp-MlopsLab-view-head">
        <div className="jp-MlopsLab-view-name">
          <Skeleton width={220} height={24} />
          <Skeleton width={420} height={12} />
        </div>
      </div>
      <div className="jp-MlopsLab-tabs jp-mod-waiting">
        {[64, 56, 60, 40].map((width, i) => (
          <Skeleton key={i} width={width} height={12} />
        ))}
      </div>
      <div className="jp-MlopsLab-cols">
        <div className="jp-MlopsLab-pane">
          {[120, 180, 160].map((height, i) => (
            <Skeleton key={i} width="100%" height={height} />
          ))}
        </div>
        <div className="jp-MlopsLab-pane jp-MlopsLab-side">
          {[140, 200].map((height, i) => (
            <Skeleton key={i} width="100%" height={height} />
          ))}
        </div>
      </div>
    </Loading>
  );
}
