import { useEffect, useRef, useState } from 'react';
import type { FocusEvent, KeyboardEvent, ReactElement, RefObject } from 'react';
import { Code } from '../../components/code';
import { formatTime } from '../../components/format';
import { Icon } from '../../components/icon';
import { Empty, ErrorBox, Loading, Said, Skeleton, StaleBar } from '../../components/placeholder';
import { useValue, useWidth } from '../hooks';
import { useModelHost } from '../host';
import type { IModel } from '../model';
import { useText } from '../text';
import { chosenModel, flavorText, waysBack } from './facts';
import { HostContext, useHost } from './host';
import { Main } from './main';
import { Aliases, Unsafe } from './parts';
import { PromoteSheet, RollbackSheet } from './sheet';
import { Side } from './side';
import type { IModelPage, IModels, IRegistryState, ISelection } from './state';
import { refOf } from './state';

/** From here on the list of models stands beside the model, and a sheet beside both. */
const WITH_SIDE = 720;
const WITH_SHEET = 1080;
/** So long an answer is remembered on the page. */
const SAID_MS = 10_000;

const FIRST = `import mlops_lab as lab
with lab.start_run("first") as run:
    run.log_model(model, register="my-model")`;

type Model = IModel<IRegistryState>;

/** The models that may be used, with their origin, their judge and their history. */
export function Registry({ model }: { model: Model }): ReactElement {
  const host = useModelHost(model);
  const place = useValue(model, 'place');
  const node = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const width = useWidth(node, 1100);
  const size = width >= WITH_SHEET ? 'wide' : width >= WITH_SIDE ? 'medium' : 'narrow';
  const onKeyDown = (event: KeyboardEvent) => {
    const typing = (event.target as HTMLElement).closest('input, textarea, select') !== null;
    if (event.key === '/' && !typing && search.current !== null) {
      event.preventDefault();
      event.stopPropagation();
      search.current.focus();
    }
  };
  // A notebook in command mode would take our keys for its own: it asks what has the keyboard, and
  // nothing around that.
  const own =
    place === 'notebook'
      ? {
          onFocus: (event: FocusEvent) =>
            event.target.setAttribute('data-lm-suppress-shortcuts', 'true')
        }
      : {};
  return (
    <HostContext.Provider value={host}>
      <div
        ref={node}
        className={`jp-MlopsLab-root jp-MlopsLab-registry jp-mod-${place} jp-mod-${size}`}
        onKeyDown={onKeyDown}
        {...own}
      >
        <Content model={model} narrow={size === 'narrow'} search={search} />
      </div>
    </HostContext.Provider>
  );
}

interface IContentProps {
  model: Model;
  narrow: boolean;
  search: RefObject<HTMLInputElement>;
}

function Content(props: IContentProps): ReactElement {
  const { model } = props;
  const t = useText();
  const { ask } = useHost();
  const models = useValue(model, 'models');
  const error = useValue(model, 'error');
  const updated = useValue(model, 'updated_ms');
  const retry = () => void ask({ verb: 'refresh' });
  if (models === null) {
    return error === null ? (
      <Waiting />
    ) : (
      <div className="jp-MlopsLab-reg-main">
        <ErrorBox title={t('Models cannot be read')} detail={error}>
          <button type="button" className="jp-MlopsLab-button jp-mod-small" onClick={retry}>
            {t('Retry')}
          </button>
        </ErrorBox>
      </div>
    );
  }
  return (
    <>
      {error !== null && updated !== null && (
        <div title={error}>
          <StaleBar
            since={updated}
            onRetry={retry}
            updated={age => t('updated %1 ago', age)}
            retry={t('Retry')}
          />
        </div>
      )}
      {models.models.length === 0 ? <Beginning /> : <Shown {...props} models={models} />}
    </>
  );
}

/** A model, with what stands around it. */
function Shown(props: IContentProps & { models: IModels }): ReactElement {
  const { model, models, narrow, search } = props;
  const host = useHost();
  const t = useText();
  const selection = useValue(model, 'selection');
  const pages = useValue(model, 'pages');
  const decisions = useValue(model, 'decisions');
  const name = chosenModel(models, selection)!;
  const page = pages[name];
  const version = page === undefined ? null : versionOf(page, selection);
  const [said, setSaid] = useState('');
  useEffect(() => {
    if (said !== '') {
      const timer = window.setTimeout(() => setSaid(''), SAID_MS);
      return () => window.clearTimeout(timer);
    }
    return undefined;
  }, [said]);
  useEffect(() => {
    // The host reads what is selected: what is shown without a choice has to be said to it.
    if (selection.model !== name || (version !== null && selection.version !== version)) {
      host.choose({ model: name, version });
    }
  }, [host, name, version, selection]);
  const close = () => host.choose({ sheet: null });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && (selection.sheet !== null || selection.part !== 'versions')) {
      event.stopPropagation();
      host.choose(selection.sheet !== null ? { sheet: null } : { part: 'versions' });
    }
  };
  return (
    <div className="jp-MlopsLab-reg-page" onKeyDown={onKeyDown}>
      {narrow && <ModelSelect models={models} name={name} />}
      <Header model={model} page={page} name={name} />
      <div className="jp-MlopsLab-reg-body">
        {!narrow && <Side models={models} decisions={decisions} shown={name} search={search} />}
        <Main
          model={model}
          models={models}
          name={name}
          page={page}
          version={version}
          narrow={narrow}
        />
        {page !== undefined && version !== null && selection.sheet !== null && (
          <Sheet
            key={`${name} ${version} ${selection.sheet.verb}`}
            model={model}
            page={page}
            version={version}
            sheet={selection.sheet}
            onClose={close}
            onDone={sentence => {
              setSaid(sentence || t('Done.'));
              close();
            }}
          />
        )}
      </div>
      <Said text={said} />
    </div>
  );
}

function Header(props: { model: Model; page: IModelPage | undefined; name: string }): ReactElement {
  const { model, page, name } = props;
  const t = useText();
  const { alive, ask, busy, choose, may, opens } = useHost();
  const { part, version } = useValue(model, 'selection');
  const updated = useValue(model, 'updated_ms');
  const row = page?.model;
  const newest = page?.versions[0];
  const shown = version ?? newest?.version;
  const rollback = page === undefined ? undefined : waysBack(page)[0];
  const toggle = (one: 'history' | 'card') => () =>
    choose({ part: part === one ? 'versions' : one });
  return (
    <header className="jp-MlopsLab-reg-head">
      <div className="jp-MlopsLab-reg-title">
        <div className="jp-MlopsLab-reg-chips">
          <Icon name="model" className="jp-MlopsLab-muted" />
          <h1 className="jp-MlopsLab-title jp-MlopsLab-ellipsis" title={name}>
            {name}
          </h1>
          {row !== undefined && <Aliases aliases={row.aliases} />}
        </div>
        <div className="jp-MlopsLab-reg-meta">
          {row !== undefined && row.description !== '' && (
            <span className="jp-MlopsLab-reg-about" title={row.description}>
              {row.description}
            </span>
          )}
          {newest !== undefined &&
            (newest.unsafe ? (
              <Unsafe flavor={newest.flavor} />
            ) : (
              <span>{flavorText(newest, t)}</span>
            ))}
          {row !== undefined && (
            <span>{row.versions === 1 ? t('1 version') : t('%1 versions', row.versions)}</span>
          )}
          {!alive && !busy && updated !== null && (
            <span>{t('as of %1', formatTime(new Date(updated).toISOString()))}</span>
          )}
        </div>
      </div>
      <div className="jp-MlopsLab-reg-actions">
        <button
          type="button"
          className="jp-MlopsLab-button"
          aria-pressed={part === 'history'}
          onClick={toggle('history')}
        >
          <Icon name="history" size={14} />
          {t('History')}
        </button>
        <button
          type="button"
          className="jp-MlopsLab-button"
          aria-pressed={part === 'card'}
          onClick={toggle('card')}
        >
          <Icon name="file" size={14} />
          {t('Model card')}
        </button>
        {alive && opens.includes('report') && shown !== undefined && (
          <button
            type="button"
            className="jp-MlopsLab-button"
            title={t('Make one file of %1, to send and to print', shown)}
            onClick={() => void ask({ verb: 'report', model: name, version: shown })}
          >
            <Icon name="file" size={14} />
            {t('Report…')}
          </button>
        )}
        {may('models:rollback') && rollback !== undefined && (
          <button
            type="button"
            className="jp-MlopsLab-button"
            onClick={() => choose({ sheet: { verb: 'rollback', alias: rollback } })}
          >
            <Icon name="rollback" size={14} />
            {t('Roll back…')}
          </button>
        )}
      </div>
    </header>
  );
}

/** Where there is no room for a list. */
function ModelSelect({ models, name }: { models: IModels; name: string }): ReactElement {
  const t = useText();
  const { choose } = useHost();
  return (
    <label className="jp-MlopsLab-reg-fold">
      <span className="jp-MlopsLab-unseen">{t('Model')}</span>
      <select
        className="jp-MlopsLab-reg-select"
        value={name}
        onChange={event =>
          choose({ model: event.target.value, version: null, part: 'versions', sheet: null })
        }
      >
        {models.models.map(one => (
          <option key={one.name} value={one.name}>
            {[one.name, ...one.aliases.map(({ alias, version }) => `${alias} ${version}`)].join(
              ' · '
            )}
          </option>
        ))}
      </select>
    </label>
  );
}

function Sheet(props: {
  model: Model;
  page: IModelPage;
  version: number;
  sheet: NonNullable<ISelection['sheet']>;
  onClose: () => void;
  onDone: (sentence: string) => void;
}): ReactElement {
  const { model, page, version, sheet } = props;
  const { choose } = useHost();
  const me = useValue(model, 'me');
  const details = useValue(model, 'details');
  const models = useValue(model, 'models');
  const detail = details[refOf(page.model.name, version)];
  const shared = {
    page,
    me,
    onClose: props.onClose,
    onDone: props.onDone,
    alias: sheet.alias,
    onAlias: (alias: string) => choose({ sheet: { ...sheet, alias } })
  };
  if (sheet.verb === 'rollback') {
    return <RollbackSheet {...shared} />;
  }
  return detail === undefined ? (
    <aside className="jp-MlopsLab-reg-sheet">
      <div className="jp-MlopsLab-reg-sheet-body">
        <Loading>
          {[24, 96, 160, 64].map((height, i) => (
            <Skeleton key={i} width="100%" height={height} />
          ))}
        </Loading>
      </div>
    </aside>
  ) : (
    <PromoteSheet {...shared} detail={detail} queue={models?.queue ?? []} />
  );
}

/** No model yet: the lines that register the first one. */
function Beginning(): ReactElement {
  const t = useText();
  const { alive, inserts, ask } = useHost();
  return (
    <div className="jp-MlopsLab-reg-beginning">
      <Empty
        title={t('No model yet')}
        text={t('A model that a run logs with a name becomes its first version here.')}
      >
        <Code>{FIRST}</Code>
        {alive && inserts && (
          <button
            type="button"
            className="jp-MlopsLab-button jp-mod-accept"
            onClick={() => void ask({ verb: 'insert', text: FIRST })}
          >
            {t('Insert into notebook')}
          </button>
        )}
      </Empty>
    </div>
  );
}

/** The geometry of a model, before it is there. */
function Waiting(): ReactElement {
  return (
    <Loading>
      <div className="jp-MlopsLab-reg-head">
        <div className="jp-MlopsLab-reg-title">
          <Skeleton width={200} height={24} />
          <Skeleton width={320} height={12} />
        </div>
      </div>
      <div className="jp-MlopsLab-reg-body">
        <div className="jp-MlopsLab-reg-main">
          {[180, 160, 140].map((height, i) => (
            <Skeleton key={i} width="100%" height={height} />
          ))}
        </div>
      </div>
    </Loading>
  );
}

/** The version that is looked at: the chosen one, else one that waits, else the newest. */
function versionOf(page: IModelPage, selection: ISelection): number | null {
  const chosen = selection.model === page.model.name ? selection.version : null;
  const first = page.versions.find(one => one.waiting.length > 0) ?? page.versions[0];
  return chosen ?? first?.version ?? null;
}
