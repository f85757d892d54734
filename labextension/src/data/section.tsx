import type { TranslationBundle } from '@jupyterlab/translation';
import { useLayoutEffect, useRef } from 'react';
import type { KeyboardEvent, PointerEvent, ReactElement } from 'react';
import { Age, Alias, Icon, Skeleton, formatBytes, formatCount } from '../components';
import { MOVES } from '../list-rows';
import { ListSection } from '../list-section';
import type { Folds } from '../state/folds';
import { useChanged } from '../state/use';
import { loadExpression, loadLine } from './lines';
import type { DatasetsModel, IDataRow, IDataSubject } from './model';
import { subjectOf } from './model';
import { StateGlyph } from './state-glyph';

/** What the section asks of the application. */
export interface IDataActions {
  open(name: string, version: number | null): void;
  insert(subject: Omit<IDataSubject, 'project'>): void;
  /** A press that may become a drag of these lines. */
  press(event: PointerEvent, lines: string, label: string): void;
}

export interface IDataSectionProps {
  model: DatasetsModel;
  folds: Folds;
  actions: IDataActions;
}

/** *Data*: the datasets with their latest versions; nothing where there are none. */
export function DataSection({ model, folds, actions }: IDataSectionProps): ReactElement {
  useChanged(model);
  const { datasets, trans, waiting } = model;
  return (
    <ListSection
      list={datasets}
      count={value => value.datasets.length}
      title={trans.__('Data')}
      failed={trans.__('Datasets cannot be read')}
      id="data"
      folds={folds}
      trans={trans}
    >
      {() => (
        <>
          <Tree model={model} rows={model.rows()} actions={actions} />
          {(waiting > 0 || model.all) && (
            <div className="jp-MlopsLab-more">
              <button
                type="button"
                className="jp-MlopsLab-link"
                onClick={() => model.showDatasets(!model.all)}
              >
                {model.all ? trans.__('Fewer') : trans.__('%1 more', formatCount(waiting))}
              </button>
            </div>
          )}
        </>
      )}
    </ListSection>
  );
}

function Tree(props: {
  model: DatasetsModel;
  rows: readonly IDataRow[];
  actions: IDataActions;
}): ReactElement {
  const { model, rows, actions } = props;
  const { trans } = model;
  const tree = useRef<HTMLDivElement>(null);
  const at = model.placeIn(rows);
  const held = useRef<HTMLElement | null>(null);
  useLayoutEffect(() => {
    // A row that had the keyboard may have gone: deleted, or it stood for others.
    if (held.current?.isConnected === false) {
      held.current = null;
      if (document.activeElement === document.body && rows[at] !== undefined) {
        focusRow(tree.current, rows[at].id);
      }
    }
  });
  const go = (row: IDataRow | undefined): void => {
    if (row !== undefined) {
      model.focus(row.id);
      focusRow(tree.current, row.id);
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const row = rows[at];
    if (row === undefined || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const act = MOVES[event.key];
    if (act !== undefined) {
      event.preventDefault();
      go(rows[Math.min(Math.max(0, act(at, rows.length)), rows.length - 1)]);
    } else if (event.key === 'ArrowRight' && row.kind === 'dataset') {
      event.preventDefault();
      if (row.open) {
        go(rows[at + 1]);
      } else {
        model.unfold(row.dataset.name, true);
      }
    } else if (event.key === 'ArrowLeft') {
      event.preventDefault();
      if (row.kind !== 'dataset') {
        go(rows.find(one => one.id === row.dataset.name));
      } else {
        model.unfold(row.dataset.name, false);
      }
    }
  };
  return (
    <div
      ref={tree}
      role="tree"
      aria-label={trans.__('Datasets')}
      className="jp-MlopsLab-datatree"
      onKeyDown={onKeyDown}
      onFocus={event => {
        held.current = event.target;
      }}
      onBlur={event => {
        if (event.target.isConnected) {
          held.current = null;
        }
      }}
    >
      {rows.map((row, index) => (
        <Row key={row.id} row={row} focused={index === at} model={model} actions={actions} />
      ))}
    </div>
  );
}

function focusRow(tree: HTMLElement | null, id: string): void {
  const rows = tree?.querySelectorAll<HTMLElement>('[role="treeitem"]') ?? [];
  for (const row of rows) {
    if (row.dataset.id === id) {
      row.focus();
      row.scrollIntoView({ block: 'nearest' });
    }
  }
}

function Row(props: {
  row: IDataRow;
  focused: boolean;
  model: DatasetsModel;
  actions: IDataActions;
}): ReactElement {
  const { row, focused, model, actions } = props;
  const { trans } = model;
  if (row.kind === 'waiting') {
    return (
      <div
        role="treeitem"
        aria-level={2}
        tabIndex={focused ? 0 : -1}
        data-id={row.id}
        className="jp-MlopsLab-datarow jp-mod-version jp-mod-waiting"
      >
        {row.error === null ? (
          <Skeleton width={140} height={8} />
        ) : (
          <span className="jp-MlopsLab-ellipsis jp-MlopsLab-datarow-error" title={row.error}>
            {row.error}
          </span>
        )}
      </div>
    );
  }
  if (row.kind === 'older') {
    return (
      <div
        role="treeitem"
        aria-level={2}
        tabIndex={focused ? 0 : -1}
        data-id={row.id}
        className="jp-MlopsLab-datarow jp-mod-version jp-mod-older"
        onFocus={() => model.focus(row.id)}
        onClick={() => model.showAll(row.dataset.name)}
      >
        {trans._n('%2 older version', '%2 older versions', row.count, formatCount(row.count))}
      </div>
    );
  }
  const about = subjectOf(row);
  const press = (event: PointerEvent): void => {
    if (about.version !== null) {
      const expression = loadExpression(about.name, about.version, about.tabular ?? true);
      const label = `${about.name} ${about.version}`;
      actions.press(event, loadLine(about.name, expression), label);
    }
  };
  const common = {
    role: 'treeitem',
    tabIndex: focused ? 0 : -1,
    'data-id': row.id,
    onFocus: () => model.focus(row.id),
    onContextMenu: () => model.focus(row.id),
    onPointerDown: press,
    onClick: () => {
      model.focus(row.id);
      actions.open(about.name, about.version);
    }
  };
  return row.kind === 'dataset' ? (
    <div
      {...common}
      className="jp-MlopsLab-datarow jp-MlopsLab-row"
      aria-level={1}
      aria-expanded={row.open}
    >
      <button
        type="button"
        tabIndex={-1}
        className="jp-MlopsLab-icon-button jp-MlopsLab-unfold"
        aria-hidden
        title={row.open ? trans.__('Fold the versions away') : trans.__('Show the versions')}
        onPointerDown={event => event.stopPropagation()}
        onClick={event => {
          event.stopPropagation();
          model.focus(row.id);
          model.unfold(row.dataset.name, !row.open);
          // A version's row that had the keyboard may go.
          event.currentTarget.closest<HTMLElement>('[role="treeitem"]')?.focus();
        }}
      >
        <Icon name={row.open ? 'caret-down' : 'caret-right'} size={12} />
      </button>
      <DatasetFacts row={row} trans={trans} />
      <InsertButton about={about} trans={trans} actions={actions} />
    </div>
  ) : (
    <div {...common} className="jp-MlopsLab-datarow jp-mod-version" aria-level={2}>
      <VersionFacts row={row} trans={trans} />
      <InsertButton about={about} trans={trans} actions={actions} />
    </div>
  );
}

function InsertButton(props: {
  about: Omit<IDataSubject, 'project'>;
  trans: TranslationBundle;
  actions: IDataActions;
}): ReactElement | null {
  const { about, trans, actions } = props;
  return about.version === null ? null : (
    <div className="jp-MlopsLab-row-actions">
      <button
        type="button"
        tabIndex={-1}
        className="jp-MlopsLab-icon-button"
        aria-label={trans.__('Insert the cell that loads it')}
        title={trans.__('Insert the cell that loads it (i)')}
        onPointerDown={event => event.stopPropagation()}
        onClick={event => {
          event.stopPropagation();
          actions.insert(about);
        }}
      >
        <Icon name="insert" size={14} />
      </button>
    </div>
  );
}

type DatasetRowOf = Extract<IDataRow, { kind: 'dataset' }>;
type VersionRowOf = Extract<IDataRow, { kind: 'version' }>;

function DatasetFacts({ row, trans }: { row: DatasetRowOf; trans: TranslationBundle }) {
  const { name, latest, aliases, state, updated_at } = row.dataset;
  const size = latest === null ? trans.__('no latest version') : sizeText(latest, trans);
  return (
    <>
      <div className="jp-MlopsLab-what">
        <div className="jp-MlopsLab-name">
          <span className="jp-MlopsLab-ellipsis" title={name}>
            {name}
          </span>
          {latest !== null && <span className="jp-MlopsLab-version">{latest.version}</span>}
          <StateGlyph state={state} label={newestState(row, trans)} />
        </div>
        <div className="jp-MlopsLab-sub jp-MlopsLab-chips">
          {aliases.map(({ alias, version }) => (
            <Alias
              key={alias}
              name={alias}
              version={version}
              title={trans.__('%1 is version %2', alias, version)}
            />
          ))}
          {aliases.length === 0 && latest !== null && latest.rows !== null && (
            <span>{formatBytes(latest.size_bytes)}</span>
          )}
        </div>
      </div>
      <div className="jp-MlopsLab-facts">
        <div
          className="jp-MlopsLab-fact"
          title={latest === null ? undefined : formatBytes(latest.size_bytes)}
        >
          {size}
        </div>
        <div className="jp-MlopsLab-age">
          <Age at={updated_at} />
        </div>
      </div>
    </>
  );
}

/** How much a version is: rows where it has any, else bytes. */
function sizeText(
  { rows, size_bytes }: { rows: number | null; size_bytes: number },
  trans: TranslationBundle
): string {
  return rows === null
    ? formatBytes(size_bytes)
    : trans._n('%2 row', '%2 rows', rows, formatCount(rows));
}

/** What the newest version's checks said, where it is not the one that is shown. */
function newestState({ dataset }: DatasetRowOf, trans: TranslationBundle): string | undefined {
  switch (dataset.state) {
    case 'blocked':
      return trans.__('The newest version is blocked by its checks');
    case 'warned':
      return trans.__('The checks of the newest version warn');
    default:
      return undefined;
  }
}

function VersionFacts({ row, trans }: { row: VersionRowOf; trans: TranslationBundle }) {
  const { version, aliases, note, state, created_at, is_latest } = row.version;
  return (
    <>
      <div className="jp-MlopsLab-what jp-MlopsLab-chips">
        <span className="jp-MlopsLab-versionnumber">{version}</span>
        <StateGlyph state={state} />
        {aliases.map(alias => (
          <Alias key={alias} name={alias} />
        ))}
        {is_latest && <span className="jp-MlopsLab-badge jp-mod-text">{trans.__('latest')}</span>}
        <span className="jp-MlopsLab-sub jp-MlopsLab-ellipsis" title={note ?? undefined}>
          {note ?? sizeText(row.version, trans)}
        </span>
      </div>
      <div className="jp-MlopsLab-age">
        <Age at={created_at} />
      </div>
    </>
  );
}
