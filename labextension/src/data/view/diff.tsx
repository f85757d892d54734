import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';
import type { IColumnDiff, IDatasetDiff } from '../../api/data';
import {
  Block,
  Empty,
  ErrorBox,
  Icon,
  Loading,
  RowsTable,
  Skeleton,
  formatCount,
  formatDifference
} from '../../components';
import { useText } from '../../views/text';
import { Overlay } from './histogram';
import type { DatasetModel } from './model';

/** So many changed columns are drawn at once; the rest waits behind a button. */
const SHOWN = 24;

/** How the shown version differs from another. */
export function Diff({ model }: { model: DatasetModel }): ReactElement {
  const t = useText();
  const { versions, version, against, diff } = model;
  if (versions.length < 2 || against === null) {
    return (
      <div className="jp-MlopsLab-pane">
        <Empty
          title={t('There is nothing to compare it with yet')}
          text={t('The next version of %1 is compared with this one.', model.name)}
        />
      </div>
    );
  }
  const value = diff?.value ?? null;
  return (
    <div className="jp-MlopsLab-pane">
      <div className="jp-MlopsLab-diffbar">
        <label>
          <span>{t('compared with')}</span>
          <select
            data-lm-suppress-shortcuts
            value={against}
            onChange={event => model.compare(Number(event.target.value))}
          >
            {versions
              .filter(one => one.version !== version)
              .map(one => (
                <option key={one.version} value={one.version}>
                  {[`${one.version}`, ...one.aliases].join(' · ')}
                </option>
              ))}
          </select>
        </label>
        <KeyField model={model} />
      </div>
      {value === null ? (
        diff?.error ? (
          <ErrorBox title={t('The versions cannot be compared')} detail={diff.error.message}>
            <button
              type="button"
              className="jp-MlopsLab-button jp-mod-small"
              onClick={() => void diff.refresh()}
            >
              {t('Retry')}
            </button>
          </ErrorBox>
        ) : (
          <Loading>
            <Skeleton width="60%" height={16} />
            <Skeleton width="100%" height={120} />
          </Loading>
        )
      ) : (
        <Differences diff={value} />
      )}
    </div>
  );
}

/** The columns by which rows are told apart; asked for when Enter is pressed or it is left. */
function KeyField({ model }: { model: DatasetModel }): ReactElement {
  const t = useText();
  const [text, setText] = useState(model.key);
  useEffect(() => setText(model.key), [model.key]);
  const commit = (): void => {
    if (text.trim() !== model.key) {
      model.tellApart(text.trim());
    }
  };
  const columns = model.shown?.profile?.columns ?? [];
  return (
    <form
      onSubmit={event => {
        event.preventDefault();
        commit();
      }}
    >
      <label title={t('With a key, added, removed and changed rows are counted, too')}>
        <span>{t('row by row, by')}</span>
        <input
          type="text"
          className="jp-MlopsLab-filter"
          data-lm-suppress-shortcuts
          list="mlops-lab-key-columns"
          spellCheck={false}
          placeholder={t('key column')}
          value={text}
          onChange={event => setText(event.target.value)}
          onBlur={commit}
        />
      </label>
      <datalist id="mlops-lab-key-columns">
        {columns.slice(0, 200).map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </form>
  );
}

function Differences({ diff }: { diff: IDatasetDiff }): ReactElement {
  const t = useText();
  const [all, setAll] = useState(false);
  const changed = diff.columns.filter(column => column.changes.length > 0);
  const same = diff.columns.filter(column => column.changes.length === 0);
  const shown = all ? changed : changed.slice(0, SHOWN);
  const names = { before: t('version %1', diff.before), after: t('version %1', diff.after) };
  return (
    <>
      <Counts diff={diff} />
      <Schema diff={diff} />
      {diff.keyed !== null && <Keyed keyed={diff.keyed} />}
      <Block
        title={t('Changed columns')}
        note={t('%1 of %2', changed.length, diff.columns.length)}
        aside={<Legend {...names} />}
      >
        {changed.length === 0 ? (
          <p className="jp-MlopsLab-small jp-MlopsLab-muted">
            {t('Every column that both have is spread as before.')}
          </p>
        ) : (
          <div className="jp-MlopsLab-diffgrid">
            {shown.map(column => (
              <ColumnChange key={column.name} column={column} names={names} />
            ))}
          </div>
        )}
        {shown.length < changed.length && (
          <button
            type="button"
            className="jp-MlopsLab-button jp-mod-small"
            onClick={() => setAll(true)}
          >
            {t('%1 more', formatCount(changed.length - shown.length))}
          </button>
        )}
      </Block>
      {same.length > 0 && (
        <Block title={t('As before')} note={formatCount(same.length)}>
          <p className="jp-MlopsLab-small jp-MlopsLab-muted jp-MlopsLab-names">
            {same
              .slice(0, 200)
              .map(({ name }) => name)
              .join(', ')}
            {same.length > 200 && ' …'}
          </p>
        </Block>
      )}
    </>
  );
}

function Legend({ before, after }: { before: string; after: string }): ReactElement {
  return (
    <span className="jp-MlopsLab-legend" aria-hidden>
      <i className="jp-mod-before" /> {before}
      <i /> {after}
    </span>
  );
}

function Counts({ diff }: { diff: IDatasetDiff }): ReactElement | null {
  const t = useText();
  const { before, after } = diff.rows;
  if (before === null || after === null) {
    return null;
  }
  const difference = after - before;
  return (
    <p className="jp-MlopsLab-verdict">
      {difference === 0 ? (
        t('%1 rows in both', formatCount(after))
      ) : (
        <>
          {t('%1 rows, %2 in version %3:', formatCount(after), formatCount(before), diff.before)}{' '}
          <b>{formatDifference(difference, 0)}</b>
        </>
      )}
    </p>
  );
}

function Schema({ diff }: { diff: IDatasetDiff }): ReactElement | null {
  const t = useText();
  const { added, removed, changed } = diff.schema;
  if (added.length + removed.length + changed.length === 0) {
    return null;
  }
  return (
    <Block title={t('Columns and types')}>
      <ul className="jp-MlopsLab-list">
        {removed.map(name => (
          <li key={name} className="jp-MlopsLab-gate jp-mod-rejected">
            <Icon name="minus" size={14} />
            <span>{t('%1 is gone', name)}</span>
          </li>
        ))}
        {changed.map(({ name, before, after }) => (
          <li key={name} className="jp-MlopsLab-gate jp-mod-waiting">
            <Icon name="edit" size={14} />
            <span>{t('%1 has another type', name)}</span>
            <code>{`${before} → ${after}`.toLowerCase()}</code>
          </li>
        ))}
        {added.map(name => (
          <li key={name} className="jp-MlopsLab-gate">
            <Icon name="plus" size={14} />
            <span>{t('%1 is new', name)}</span>
          </li>
        ))}
      </ul>
    </Block>
  );
}

function Keyed({ keyed }: { keyed: NonNullable<IDatasetDiff['keyed']> }): ReactElement {
  const t = useText();
  const figures: [string, number][] = [
    [t('added'), keyed.added],
    [t('removed'), keyed.removed],
    [t('changed'), keyed.changed],
    [t('as before'), keyed.same]
  ];
  const columns = Object.entries(keyed.columns).sort(([, a], [, b]) => b - a);
  return (
    <Block title={t('Rows')} note={t('told apart by %1', keyed.key.join(', '))}>
      <dl className="jp-MlopsLab-stats">
        {figures.map(([name, count]) => (
          <div key={name} className="jp-MlopsLab-stat">
            <dt>{name}</dt>
            <dd>{formatCount(count)}</dd>
          </div>
        ))}
      </dl>
      {columns.length > 0 && (
        <p className="jp-MlopsLab-small jp-MlopsLab-muted jp-MlopsLab-names">
          {t('Values changed in')}{' '}
          {columns
            .slice(0, 40)
            .map(([name, count]) => `${name} (${formatCount(count)})`)
            .join(', ')}
        </p>
      )}
      {keyed.examples !== null && keyed.examples.rows.length > 0 && (
        <div className="jp-MlopsLab-evidence">
          <RowsTable
            columns={keyed.examples.columns.map(name => ({ name }))}
            rows={keyed.examples.rows}
            label={t('Rows that differ')}
          />
        </div>
      )}
    </Block>
  );
}

function ColumnChange(props: {
  column: IColumnDiff;
  names: { before: string; after: string };
}): ReactElement {
  const { column, names } = props;
  const { name, changes, before, after } = column;
  return (
    <section className="jp-MlopsLab-columnchange" aria-label={name}>
      <h3 className="jp-MlopsLab-ellipsis" title={name}>
        {name}
      </h3>
      <ul className="jp-MlopsLab-list">
        {changes.map((sentence, i) => (
          <li key={i}>{sentence}</li>
        ))}
      </ul>
      {before !== null && after !== null && <Overlay before={before} after={after} names={names} />}
    </section>
  );
}
