import type { KeyboardEvent, ReactElement } from 'react';
import type { IDatasetVersion } from '../../api/data';
import { Empty, ErrorBox, Icon, Loading, Skeleton, StaleBar, Tabs } from '../../components';
import type { ITab } from '../../components';
import { useChanged } from '../../state/use';
import { useText } from '../../views/text';
import type { Translate } from '../../views/text';
import { Checks } from './checks';
import { Files, Preview } from './content';
import { Diff } from './diff';
import { blockingCheck } from './facts';
import { Header } from './header';
import { Lineage } from './lineage';
import type { DatasetModel, DatasetTab } from './model';
import { Profile } from './profile';

/** A version of a dataset: what is in it, what the checks said, how it differs, where it leads. */
export function DatasetView({ model }: { model: DatasetModel }): ReactElement {
  const t = useText();
  useChanged(model);
  const { shown: version, detail, page } = model;
  const failed = detail?.error ?? (model.version === null ? page.error : null);
  // What was deleted while it was looked at is no older state of itself.
  const gone = failed?.status === 404;
  if (version === null || gone || (detail?.value === null && failed !== null)) {
    return (
      <div className="jp-MlopsLab-view">
        {failed !== null ? (
          <Failure model={model} />
        ) : page.value !== null && model.version === null ? (
          <Gone model={model} />
        ) : (
          <Waiting />
        )}
      </div>
    );
  }
  const tabs = tabsOf(version, t);
  const tab = tabs.find(one => one.id === model.tab) ?? tabs[0];
  const stale = detail?.error && detail.loadedAt !== null ? detail.loadedAt : null;
  return (
    <div className="jp-MlopsLab-view" aria-busy={detail?.value === null} onKeyDown={searchBySlash}>
      <Header model={model} version={version} />
      {stale !== null && <StaleBar since={stale} onRetry={() => model.retry()} />}
      <Blocked version={version} tab={tab.id} onShow={() => model.show('checks')} />
      <Tabs tabs={tabs} shown={tab.id} onShow={id => model.show(id)} />
      <div
        className="jp-MlopsLab-view-body"
        role="tabpanel"
        aria-label={tab.label}
        data-tab={tab.id}
        tabIndex={-1}
      >
        {tab.id === 'profile' && <ProfileTab version={version} />}
        {tab.id === 'checks' && <Checks version={version} />}
        {tab.id === 'diff' && <Diff model={model} />}
        {tab.id === 'lineage' && <Lineage model={model} />}
        {tab.id === 'preview' && version.preview && <Preview preview={version.preview} />}
        {tab.id === 'files' && <Files version={version} />}
      </div>
    </div>
  );
}

/** The tabs that have something to show. */
function tabsOf(version: IDatasetVersion, t: Translate): ITab<DatasetTab>[] {
  const checks = version.reports.flatMap(report => report.checks);
  const failed = checks.filter(check => check.state !== 'passed').length;
  const tabular = version.profile !== null;
  const tabs: (ITab<DatasetTab> | false)[] = [
    version.profile !== null && {
      id: 'profile',
      label: t('Profile'),
      count: version.profile.columns.length
    },
    !tabular && { id: 'files', label: t('Files'), count: version.files },
    // Suites look at tables.
    (tabular || checks.length > 0) && {
      id: 'checks',
      label: t('Checks'),
      count: failed > 0 ? t('%1 of %2 failed', failed, checks.length) : checks.length || undefined
    },
    { id: 'diff', label: t('Diff') },
    { id: 'lineage', label: t('Lineage') },
    version.preview !== null && { id: 'preview', label: t('Preview') },
    tabular && version.files > 1 && { id: 'files', label: t('Files'), count: version.files }
  ];
  return tabs.filter(tab => tab !== false);
}

/** What a person must know of a blocked version, wherever in the view they are. */
function Blocked(props: {
  version: IDatasetVersion;
  tab: DatasetTab;
  onShow: () => void;
}): ReactElement | null {
  const { version, tab, onShow } = props;
  const t = useText();
  const found = version.state === 'blocked' ? blockingCheck(version) : null;
  if (version.state !== 'blocked' || tab === 'checks') {
    return null;
  }
  return (
    <div className="jp-MlopsLab-blocked" role="status">
      <Icon name="rejected" size={14} />
      <span>
        {found === null
          ? t('Blocked by its checks: it has no alias and is not the latest.')
          : t('Blocked by %1: %2', found.suite, found.check.sentence)}
      </span>
      <button type="button" className="jp-MlopsLab-link jp-MlopsLab-strong" onClick={onShow}>
        {found !== null && found.more > 0 ? t('%1 more', found.more) : t('Show')}
      </button>
    </div>
  );
}

function ProfileTab({ version }: { version: IDatasetVersion }): ReactElement {
  const t = useText();
  const { profile } = version;
  return profile === null || profile.columns.length === 0 ? (
    <div className="jp-MlopsLab-pane">
      <Empty
        title={t('Nothing to profile')}
        text={t('CSV, JSON and Parquet are read as tables; this is something else.')}
      />
    </div>
  ) : (
    <Profile key={version.name} profile={profile} />
  );
}

/** `/` searches, as it does in the sidebar. */
function searchBySlash(event: KeyboardEvent<HTMLElement>): void {
  const target = event.target as HTMLElement;
  if (event.key === '/' && !/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) {
    const search = event.currentTarget.querySelector<HTMLElement>('input[type="search"]');
    if (search !== null) {
      event.preventDefault();
      search.focus();
    }
  }
}

function Failure({ model }: { model: DatasetModel }): ReactElement {
  const t = useText();
  const error = model.detail?.error ?? model.page.error;
  const gone = error?.status === 404;
  const known = model.versions.map(one => one.version).slice(0, 20);
  const detail = !gone
    ? (error?.message ?? '')
    : known.length === 0
      ? t('This project has no dataset %1.', model.name)
      : t('%1 has the versions %2.', model.name, known.join(', '));
  return (
    <div className="jp-MlopsLab-pane">
      <ErrorBox
        title={gone ? t('This version is not here') : t('The version cannot be read')}
        detail={detail}
      >
        <button
          type="button"
          className="jp-MlopsLab-button jp-mod-small"
          onClick={() => model.retry()}
        >
          {t('Retry')}
        </button>
        {gone && known.length > 0 && (
          <button
            type="button"
            className="jp-MlopsLab-button jp-mod-small"
            onClick={() => model.choose(known[0])}
          >
            {t('Show %1', known[0])}
          </button>
        )}
      </ErrorBox>
    </div>
  );
}

function Gone({ model }: { model: DatasetModel }): ReactElement {
  const t = useText();
  return (
    <div className="jp-MlopsLab-pane">
      <Empty
        title={t('%1 has no version', model.name)}
        text={t('All of its versions were deleted.')}
      />
    </div>
  );
}

/** The geometry of a version, before it is there. */
function Waiting(): ReactElement {
  return (
    <Loading>
      <div className="jp-MlopsLab-view-head">
        <div className="jp-MlopsLab-view-name">
          <Skeleton width={180} height={24} />
          <Skeleton width={420} height={12} />
        </div>
      </div>
      <div className="jp-MlopsLab-tabs jp-mod-waiting">
        {[60, 52, 32, 52, 56].map((width, i) => (
          <Skeleton key={i} width={width} height={12} />
        ))}
      </div>
      <div className="jp-MlopsLab-pane">
        {Array.from({ length: 10 }, (_, i) => (
          <Skeleton key={i} width="100%" height={20} />
        ))}
      </div>
    </Loading>
  );
}
