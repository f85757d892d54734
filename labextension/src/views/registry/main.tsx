import { useEffect, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import { Block } from '../../components/block';
import { Icon } from '../../components/icon';
import { Empty, Loading, Skeleton } from '../../components/placeholder';
import { LineageGraph } from '../graph';
import { useValue, useWidth } from '../hooks';
import type { IModel } from '../model';
import { useText } from '../text';
import { ModelCard } from './card';
import { Comparison, Pick } from './comparison';
import { decidable, metricKeys, otherVersion } from './facts';
import { History } from './history';
import { useHost } from './host';
import { OverLegend, OverVersions } from './over';
import { AuditLine, Decisions, Queue } from './side';
import type {
  IMe,
  IModelPage,
  IModels,
  IRegistryState,
  IVersionDetail,
  IVersionRow
} from './state';
import { NO_SELECTION, parseRef, refOf } from './state';
import { VersionFacts } from './version';
import { Versions } from './versions';

/** What is missing after this time is not on its way. */
const PATIENCE_MS = 1_500;
/** A metric's two columns. */
const METRIC_WIDTH = 124;
/** The page's edges and the columns before them, and the runs behind. */
const BARE_WIDTH = 370;
const RUN_WIDTH = 120;
const CHART_WIDTH = 270;

export interface IMainProps {
  model: IModel<IRegistryState>;
  models: IModels;
  name: string;
  page: IModelPage | undefined;
  version: number | null;
  narrow: boolean;
}

/** The part of a model that is looked at. */
export function Main(props: IMainProps): ReactElement {
  const { model, models, name, page, version } = props;
  const t = useText();
  const { choose } = useHost();
  const { part } = useValue(model, 'selection');
  const node = useRef<HTMLElement>(null);
  const width = useWidth(node, 800);
  const before = useRef(part);
  useEffect(() => {
    // What had the keyboard may have gone with the part that was left.
    if (part !== before.current) {
      before.current = part;
      const held = document.activeElement;
      if (held === null || held === document.body) {
        const row = node.current?.querySelector<HTMLElement>('[data-row][tabindex="0"]');
        (row ?? node.current)?.focus();
      }
    }
  }, [part]);
  if (page === undefined || version === null || !has(page, version)) {
    const known = page !== undefined || models.models.some(one => one.name === name);
    return (
      <main ref={node} className="jp-MlopsLab-reg-main" tabIndex={-1}>
        {!known ? (
          <Unknown
            title={t('There is no model %1 in this project', name)}
            text={t('All its versions are deleted, or it is another project’s.')}
            button={t('Show the models')}
            onClick={() => choose({ ...NO_SELECTION })}
          />
        ) : page !== undefined && version !== null ? (
          <Unknown
            title={t('There is no version %1 of %2', version, name)}
            text={t('It is deleted, or was never made.')}
            button={t('Show the newest')}
            onClick={() => choose({ version: page.versions[0]?.version ?? null, part: 'versions' })}
          />
        ) : (
          <Missing model={model} />
        )}
      </main>
    );
  }
  return (
    <main ref={node} className="jp-MlopsLab-reg-main" tabIndex={-1}>
      {part !== 'versions' && (
        <div>
          <button
            type="button"
            className="jp-MlopsLab-link jp-MlopsLab-small"
            onClick={() => choose({ part: 'versions' })}
          >
            ← {t('Versions')}
          </button>
        </div>
      )}
      {part === 'versions' && <Overview {...props} page={page} version={version} width={width} />}
      {part === 'history' && <History page={page} />}
      {part === 'card' && <CardPart model={model} page={page} version={version} />}
      {part === 'compare' && <ComparePart model={model} page={page} version={version} />}
    </main>
  );
}

type Known = IMainProps & { page: IModelPage; version: number; width: number };

function Overview(props: Known): ReactElement {
  const { model, page, version, width, narrow, models } = props;
  const t = useText();
  const { alive, choose, ask, inserts } = useHost();
  const details = useValue(model, 'details');
  const decisions = useValue(model, 'decisions');
  const detail = details[refOf(page.model.name, version)];
  const me = useValue(model, 'me');
  const alias = detail === undefined ? null : decidable(detail, me);
  const keys = metricKeys(page);
  const runs = width > BARE_WIDTH + METRIC_WIDTH + RUN_WIDTH;
  const made = width > BARE_WIDTH + METRIC_WIDTH;
  const columns = Math.max(
    1,
    Math.min(4, Math.floor((width - BARE_WIDTH - (runs ? RUN_WIDTH : 0)) / METRIC_WIDTH))
  );
  const charts = keys.slice(0, Math.max(1, Math.min(3, Math.floor(width / CHART_WIDTH))));
  const compare = (row: number) => {
    const other = otherVersion(page, row);
    if (other !== null) {
      choose({ part: 'compare', version: row, other, sheet: null });
    }
  };
  const onKey = (key: string, row: IVersionRow): boolean => {
    if (key === 'c' && page.versions.length > 1) {
      compare(row.version);
    } else if (key === 'p' && alive && row.version === version && alias !== null) {
      choose({ sheet: { verb: 'promote', alias } });
    } else if (key === 'i' && alive && inserts) {
      void ask({ verb: 'insert', text: lineOf(page.model.name, row) });
    } else {
      return false;
    }
    return true;
  };
  const other = otherVersion(page, version);
  return (
    <>
      {narrow && models.queue.length > 0 && (
        <Block title={t('Waiting for approval')}>
          <Queue queue={models.queue} />
        </Block>
      )}
      <Block
        title={t('Versions')}
        note={t('each judged against the champion of its day, on the same rows')}
        aside={
          <>
            {other !== null && (
              <button
                type="button"
                className="jp-MlopsLab-button jp-mod-small"
                onClick={() => compare(version)}
              >
                <Icon name="compare" size={14} />
                {t('Compare %1 with %2', version, other)}
              </button>
            )}
            <DecideButton detail={detail} me={me} />
          </>
        }
      >
        <Versions
          page={page}
          shown={version}
          columns={columns}
          made={made}
          runs={runs}
          onKey={onKey}
        />
      </Block>
      {page.versions.length > 1 && charts.length > 0 && (
        <Block title={t('Metrics over versions')}>
          <div className="jp-MlopsLab-reg-overs">
            {charts.map(key => (
              <OverVersions key={key} page={page} metric={key} shown={version} />
            ))}
          </div>
          <OverLegend page={page} />
        </Block>
      )}
      <Lineage model={model} page={page} version={version} />
      {detail === undefined ? (
        <Missing model={model} />
      ) : (
        <VersionFacts key={detail.digest} detail={detail} />
      )}
      {narrow && decisions !== null && (
        <Block title={t('Decisions')}>
          <Decisions decisions={decisions.decisions.slice(0, 10)} />
          <AuditLine audit={decisions.audit} />
        </Block>
      )}
    </>
  );
}

/** The way to the sheet, where there is something to decide about the version. */
function DecideButton(props: {
  detail: IVersionDetail | undefined;
  me: IMe | null;
}): ReactElement | null {
  const { detail, me } = props;
  const t = useText();
  const { alive, choose } = useHost();
  const alias = detail === undefined ? null : decidable(detail, me);
  if (!alive || detail === undefined || alias === null) {
    return null;
  }
  const review = detail.promotions.some(one => one.may_approve);
  return (
    <button
      type="button"
      className="jp-MlopsLab-button jp-mod-small"
      onClick={() => choose({ sheet: { verb: 'promote', alias } })}
    >
      <Icon name="approval" size={14} />
      {review ? t('Review %1…', detail.version) : t('Promote %1…', detail.version)}
    </button>
  );
}

function Lineage(props: {
  model: IMainProps['model'];
  page: IModelPage;
  version: number;
}): ReactElement {
  const { model, page, version } = props;
  const t = useText();
  const { alive, opens, choose, ask } = useHost();
  const lineages = useValue(model, 'lineages');
  const graph = lineages[refOf(page.model.name, version)];
  const own = (id: string) => {
    const about = id.startsWith('model:') ? parseRef(id.slice('model:'.length)) : null;
    return about?.name === page.model.name &&
      page.versions.some(one => one.version === about.version)
      ? about.version
      : null;
  };
  return (
    <Block title={t('Lineage')} note={t('what %1 was made from, and what used it', version)}>
      {graph === undefined ? (
        <Missing model={model} />
      ) : (
        <LineageGraph
          graph={graph}
          label={t('Lineage of %1 %2', page.model.name, version)}
          canOpen={node =>
            node.alive && (own(node.id) !== null || (alive && opens.includes(node.kind)))
          }
          onOpen={node => {
            const other = own(node.id);
            if (other !== null) {
              choose({ version: other });
            } else {
              void ask({ verb: 'open', node: node.id });
            }
          }}
        />
      )}
    </Block>
  );
}

function CardPart(props: {
  model: IMainProps['model'];
  page: IModelPage;
  version: number;
}): ReactElement {
  const { model, page, version } = props;
  const cards = useValue(model, 'cards');
  const { name } = page.model;
  const card = cards[refOf(name, version)];
  return card === undefined ? (
    <Missing model={model} />
  ) : (
    <ModelCard key={`${name} ${version}`} model={name} version={version} card={card} />
  );
}

function ComparePart(props: {
  model: IMainProps['model'];
  page: IModelPage;
  version: number;
}): ReactElement {
  const { model, page, version } = props;
  const t = useText();
  const details = useValue(model, 'details');
  const selection = useValue(model, 'selection');
  const other = selection.other ?? otherVersion(page, version);
  if (other === null) {
    return <p className="jp-MlopsLab-muted">{t('There is no other version to compare with.')}</p>;
  }
  const after = details[refOf(page.model.name, version)];
  const before = details[refOf(page.model.name, other)];
  return before === undefined || after === undefined ? (
    <>
      <Pick page={page} before={other} after={version} />
      <Missing model={model} />
    </>
  ) : (
    <Comparison page={page} before={before} after={after} />
  );
}

function has(page: IModelPage, version: number): boolean {
  return page.versions.some(one => one.version === version);
}

/** What a link or a saved layout asks for, and is not there. */
function Unknown(props: {
  title: string;
  text: string;
  button: string;
  onClick: () => void;
}): ReactElement {
  return (
    <div role="status">
      <Empty title={props.title} text={props.text}>
        <div className="jp-MlopsLab-row-flex">
          <button type="button" className="jp-MlopsLab-button jp-mod-small" onClick={props.onClick}>
            {props.button}
          </button>
        </div>
      </Empty>
    </div>
  );
}

/** What was not read yet; and who does not wait in vain. */
function Missing({ model }: { model: IMainProps['model'] }): ReactElement {
  const t = useText();
  const { alive, busy } = useHost();
  const error = useValue(model, 'error');
  const place = useValue(model, 'place');
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setLate(true), PATIENCE_MS);
    return () => window.clearTimeout(timer);
  }, []);
  if (late) {
    return (
      <p className="jp-MlopsLab-muted" role="status">
        {error !== null
          ? error
          : place === 'panel'
            ? t('Still being read.')
            : alive || busy
              ? t('Still being read. A busy kernel answers when its cell is done.')
              : t('Not kept in the saved notebook: run the cell to see it.')}
      </p>
    );
  }
  return (
    <Loading>
      <div className="jp-MlopsLab-reg-waiting">
        <Skeleton width="60%" height={12} />
        <Skeleton width="100%" height={80} />
      </div>
    </Loading>
  );
}

/** The line that loads a version: by the alias that stays when the next one comes. */
export function lineOf(name: string, row: IVersionRow): string {
  const alias = row.aliases.find(one => one === 'champion') ?? row.aliases[0];
  const ref = alias === undefined ? refOf(name, row.version) : `${name}@${alias}`;
  return `lab.model(${JSON.stringify(ref)}).load(${row.unsafe ? 'allow_unsafe=True' : ''})`;
}
