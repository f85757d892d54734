import { useContext } from 'react';
import type { ReactElement } from 'react';
import type { IDatasetVersion } from '../../api/data';
import { Age, Alias, Badge, Icon, formatBytes, formatCount, formatTime } from '../../components';
import { useText } from '../../views/text';
import { StateBadge } from '../state-glyph';
import { ActionsContext } from './actions';
import { sourceText } from './facts';
import type { DatasetModel } from './model';

/** Which version it is, where it came from, and what can be done with it. */
export function Header({
  model,
  version
}: {
  model: DatasetModel;
  version: IDatasetVersion;
}): ReactElement {
  const t = useText();
  const actions = useContext(ActionsContext);
  return (
    <header className="jp-MlopsLab-view-head">
      <div className="jp-MlopsLab-view-name">
        <div className="jp-MlopsLab-row-flex">
          <Icon name="dataset" label={t('dataset')} className="jp-MlopsLab-muted" />
          <h1
            className="jp-MlopsLab-title jp-MlopsLab-ellipsis"
            title={version.name}
            aria-live="polite"
            aria-atomic
          >
            {version.name}
            <span className={model.versions.length > 1 ? 'jp-MlopsLab-unseen' : ''}>
              {' '}
              {version.version}
            </span>
          </h1>
          <Steps model={model} />
          {version.aliases.map(alias => (
            <Alias key={alias} name={alias} />
          ))}
          {version.is_latest && <Badge>{t('latest')}</Badge>}
          <StateBadge state={version.state} />
        </div>
        <Meta version={version} />
        {version.note && <p className="jp-MlopsLab-dataset-note">{version.note}</p>}
      </div>
      <div className="jp-MlopsLab-view-actions">
        <button
          type="button"
          className="jp-MlopsLab-button"
          title={t('Insert the cell that loads it; or drag this into a notebook')}
          onPointerDown={event => actions.press(event)}
          onClick={() => actions.insert()}
        >
          <Icon name="insert" size={14} />
          {t('Insert load cell')}
        </button>
        <button
          type="button"
          className="jp-MlopsLab-button"
          title={t('Make one file of it, to send and to print')}
          onClick={() => actions.report()}
        >
          <Icon name="file" size={14} />
          {t('Report…')}
        </button>
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

/** To the version before and the one after, and to any other. */
function Steps({ model }: { model: DatasetModel }): ReactElement | null {
  const t = useText();
  if (model.versions.length < 2) {
    return null;
  }
  const button = (step: -1 | 1, label: string, key: string): ReactElement => {
    const to = model.beside(step);
    return (
      <button
        type="button"
        className="jp-MlopsLab-icon-button"
        disabled={to === null}
        title={`${label} (${key})`}
        onClick={() => to !== null && model.choose(to)}
      >
        <Icon name={step < 0 ? 'caret-left' : 'caret-right'} size={14} label={label} />
      </button>
    );
  };
  return (
    <span className="jp-MlopsLab-steps">
      {button(-1, t('The version before'), '[')}
      <select
        data-lm-suppress-shortcuts
        aria-label={t('Version')}
        value={model.version ?? undefined}
        onChange={event => model.choose(Number(event.target.value))}
      >
        {model.versions.map(({ version }) => (
          <option key={version} value={version}>
            {version}
          </option>
        ))}
      </select>
      {button(1, t('The version after'), ']')}
    </span>
  );
}

function Meta({ version }: { version: IDatasetVersion }): ReactElement {
  const t = useText();
  const actions = useContext(ActionsContext);
  const { rows, columns, files, size_bytes, created_at, author, run, source, digest } = version;
  const from = sourceText(source);
  const opens = typeof source.path === 'string' && version.kind !== 'folder';
  return (
    <div className="jp-MlopsLab-meta">
      {rows !== null && (
        <span>
          <b>{formatCount(rows)}</b> {t('rows')}
          {columns !== null && (
            <>
              , <b>{formatCount(columns)}</b> {t('columns')}
            </>
          )}
        </span>
      )}
      <span>
        {files > 1 && t('%1 files, ', formatCount(files))}
        {formatBytes(size_bytes)}
      </span>
      {author && <span>{author}</span>}
      {created_at !== null && (
        <span>
          {formatTime(created_at)}, <Age at={created_at} ago={age => t('%1 ago', age)} />
        </span>
      )}
      {from !== '' &&
        (opens ? (
          <button
            type="button"
            className="jp-MlopsLab-link jp-MlopsLab-ellipsis"
            title={t('Open %1 as it is now', from)}
            onClick={() => actions.openFile(from)}
          >
            {from}
          </button>
        ) : (
          <span className="jp-MlopsLab-ellipsis" title={from}>
            {from}
          </span>
        ))}
      {run !== null && (
        <span>
          {t('made by')}{' '}
          <button
            type="button"
            className="jp-MlopsLab-link"
            onClick={() => actions.openRun(run.id)}
          >
            {run.name}
          </button>
        </span>
      )}
      <button
        type="button"
        className="jp-MlopsLab-copy jp-MlopsLab-mono"
        title={t('Copy the content id %1', digest)}
        onClick={() => actions.copy(digest)}
      >
        {digest.replace(/^b3-/, '').slice(0, 8)}
      </button>
    </div>
  );
}
