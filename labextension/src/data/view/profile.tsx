import { useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';
import type { IColumnProfile, IProfile } from '../../api/data';
import { Empty, formatCount, formatValue } from '../../components';
import { useText } from '../../views/text';
import type { Translate } from '../../views/text';
import {
  columnsLike,
  distinctText,
  missingShare,
  shareText,
  timeSpan,
  typeText,
  valueText
} from './facts';
import type { ColumnOrder } from './facts';
import { Histogram, SmallHistogram } from './histogram';

/** One row of the table; the style sheet has the same height. */
export const ROW = 40;
/** Rows drawn beyond the edges, so that a flick shows no gap. */
const OVERSCAN = 6;

/** What is in a table: a row for each column, and the chosen one at length beside them. */
export function Profile({ profile }: { profile: IProfile }): ReactElement {
  const t = useText();
  const [search, setSearch] = useState('');
  const [order, setOrder] = useState<ColumnOrder>('data');
  const [chosen, setChosen] = useState<string | null>(null);
  const columns = useMemo(
    () => columnsLike(profile.columns, search, order),
    [profile, search, order]
  );
  const lacking = useMemo(
    () => profile.columns.filter(column => column.missing > 0).length,
    [profile]
  );
  const column = columns.find(one => one.name === chosen) ?? columns[0];
  return (
    <div className="jp-MlopsLab-profile">
      <div className="jp-MlopsLab-profile-main">
        <div className="jp-MlopsLab-profile-bar">
          <input
            type="search"
            className="jp-MlopsLab-filter"
            data-lm-suppress-shortcuts
            placeholder={t('Search columns')}
            aria-label={t('Search columns')}
            value={search}
            onChange={event => setSearch(event.target.value)}
          />
          <span
            className="jp-MlopsLab-small jp-MlopsLab-muted jp-MlopsLab-ellipsis"
            aria-live="polite"
          >
            {search === ''
              ? t(
                  '%1 columns, %2 with missing values',
                  formatCount(profile.columns.length),
                  formatCount(lacking)
                )
              : t(
                  '%1 of %2 columns',
                  formatCount(columns.length),
                  formatCount(profile.columns.length)
                )}
          </span>
        </div>
        {columns.length === 0 ? (
          <Empty title={t('No column matches')}>
            <button
              type="button"
              className="jp-MlopsLab-button jp-mod-small"
              onClick={() => setSearch('')}
            >
              {t('Clear search')}
            </button>
          </Empty>
        ) : (
          <Columns
            columns={columns}
            chosen={column.name}
            order={order}
            onOrder={setOrder}
            onChoose={setChosen}
          />
        )}
      </div>
      {column !== undefined && <Detail column={column} />}
    </div>
  );
}

interface IColumnsProps {
  columns: readonly IColumnProfile[];
  chosen: string;
  order: ColumnOrder;
  onOrder: (order: ColumnOrder) => void;
  onChoose: (name: string) => void;
}

/** The rows that are in view, of a table of any number of columns. */
function Columns({ columns, chosen, order, onOrder, onChoose }: IColumnsProps): ReactElement {
  const t = useText();
  const grid = useRef<HTMLDivElement>(null);
  const [first, last] = useRowsInView(grid, columns.length);
  const at = Math.max(
    0,
    columns.findIndex(column => column.name === chosen)
  );
  const moved = useRef(false);
  useLayoutEffect(() => {
    if (moved.current) {
      moved.current = false;
      grid.current
        ?.querySelector<HTMLElement>(`[aria-rowindex="${at + 2}"]`)
        ?.focus({ preventScroll: true });
    }
  });
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const step = STEPS[event.key];
    if (
      step === undefined ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      (event.target as HTMLElement).tagName === 'BUTTON'
    ) {
      return;
    }
    event.preventDefault();
    const next = step(at, columns.length, Math.max(1, last - first - 1));
    const to = Math.min(Math.max(0, next), columns.length - 1);
    reveal(grid.current, to);
    moved.current = true;
    onChoose(columns[to].name);
  };
  const shown = new Set([at]);
  for (let i = Math.max(0, first - OVERSCAN); i < Math.min(columns.length, last + OVERSCAN); i++) {
    shown.add(i);
  }
  return (
    <div
      ref={grid}
      role="grid"
      aria-label={t('Columns')}
      aria-rowcount={columns.length + 1}
      className="jp-MlopsLab-columns"
      onKeyDown={onKeyDown}
    >
      <div role="row" aria-rowindex={1} className="jp-MlopsLab-columnhead">
        <Head id="name" text={t('Column')} order={order} onOrder={onOrder} />
        <Head id="missing" text={t('Missing')} order={order} onOrder={onOrder} />
        <Head id="distinct" text={t('Distinct')} order={order} onOrder={onOrder} />
        <span role="columnheader">{t('Least · median · greatest')}</span>
        <span role="columnheader">{t('Distribution')}</span>
      </div>
      <div
        role="presentation"
        className="jp-MlopsLab-columnrows"
        style={{ height: columns.length * ROW }}
      >
        {[...shown]
          .sort((a, b) => a - b)
          .map(i => (
            <ColumnRow
              key={columns[i].name}
              column={columns[i]}
              index={i}
              chosen={i === at}
              onChoose={onChoose}
            />
          ))}
      </div>
    </div>
  );
}

/** Where each key leads from row `at` of `total`; `page` rows are in view. */
const STEPS: Record<string, (at: number, total: number, page: number) => number> = {
  ArrowDown: at => at + 1,
  j: at => at + 1,
  ArrowUp: at => at - 1,
  k: at => at - 1,
  PageDown: (at, _, page) => at + page,
  PageUp: (at, _, page) => at - page,
  Home: () => 0,
  End: (_, total) => total - 1
};

function Head(props: {
  id: ColumnOrder;
  text: string;
  order: ColumnOrder;
  onOrder: (order: ColumnOrder) => void;
}): ReactElement {
  const { id, text, order, onOrder } = props;
  const sorted = order === id;
  const up = id === 'name';
  return (
    <span
      role="columnheader"
      aria-sort={sorted ? (up ? 'ascending' : 'descending') : undefined}
      className={id === 'name' ? '' : 'jp-MlopsLab-num'}
    >
      <button type="button" onClick={() => onOrder(sorted ? 'data' : id)}>
        {text}
        {sorted && (up ? ' ▴' : ' ▾')}
      </button>
    </span>
  );
}

function ColumnRow(props: {
  column: IColumnProfile;
  index: number;
  chosen: boolean;
  onChoose: (name: string) => void;
}): ReactElement {
  const { column, index, chosen, onChoose } = props;
  const share = missingShare(column);
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={chosen}
      tabIndex={chosen ? 0 : -1}
      className={`jp-MlopsLab-columnrow${chosen ? ' jp-mod-selected' : ''}`}
      style={{ top: index * ROW }}
      onClick={() => onChoose(column.name)}
    >
      <div role="gridcell">
        <div className="jp-MlopsLab-name jp-MlopsLab-ellipsis" title={column.name}>
          {column.name}
        </div>
        <div className="jp-MlopsLab-sub jp-MlopsLab-ellipsis" title={column.type}>
          {typeText(column)}
        </div>
      </div>
      <div role="gridcell" className="jp-MlopsLab-num">
        <span className={column.missing === 0 ? 'jp-MlopsLab-muted' : ''}>{shareText(share)}</span>
        {column.missing > 0 && <Meter share={share} />}
      </div>
      <div role="gridcell" className="jp-MlopsLab-num">
        {distinctText(column)}
      </div>
      <div role="gridcell" className="jp-MlopsLab-extent">
        <Extent column={column} />
      </div>
      <div role="gridcell">
        <SmallHistogram column={column} />
      </div>
    </div>
  );
}

function Meter({ share }: { share: number }): ReactElement {
  return (
    <i className="jp-MlopsLab-meter" aria-hidden>
      <i style={{ width: `${Math.min(100, 100 * share)}%` }} />
    </i>
  );
}

/** Numbers and times: least, median, greatest. Else the most frequent values. */
function Extent({ column }: { column: IColumnProfile }): ReactElement | null {
  const { kind, min, max, quantiles, top, count } = column;
  if (min !== null && max !== null && kind === 'time') {
    return <span className="jp-MlopsLab-ellipsis jp-MlopsLab-muted">{timeSpan(min, max)}</span>;
  }
  if (kind === 'number' || kind === 'time') {
    return min === null || max === null ? null : (
      <span className="jp-MlopsLab-ellipsis">
        <span className="jp-MlopsLab-muted">{valueText(min, kind)} · </span>
        {quantiles.p50 !== undefined && (
          <>
            {valueText(quantiles.p50, kind)}
            <span className="jp-MlopsLab-muted"> · </span>
          </>
        )}
        <span className="jp-MlopsLab-muted">{valueText(max, kind)}</span>
      </span>
    );
  }
  const shown = top.slice(0, 3);
  return (
    <span className="jp-MlopsLab-ellipsis" title={shown.map(([value]) => String(value)).join(', ')}>
      {shown.map(([value, n], i) => (
        <span key={i}>
          {i > 0 && ', '}
          {String(value).slice(0, 40)}{' '}
          <span className="jp-MlopsLab-muted">{shareText(n / Math.max(1, count))}</span>
        </span>
      ))}
    </span>
  );
}

const SPREAD = ['p1', 'p5', 'p25', 'p50', 'p75', 'p95', 'p99'];

/** Everything that is known of one column. */
function Detail({ column }: { column: IColumnProfile }): ReactElement {
  const t = useText();
  return (
    <aside className="jp-MlopsLab-profile-side" aria-label={t('Column %1', column.name)}>
      <div className="jp-MlopsLab-block-head">
        <h2 className="jp-MlopsLab-h2 jp-MlopsLab-ellipsis" title={column.name}>
          {column.name}
        </h2>
        <span className="jp-MlopsLab-small jp-MlopsLab-muted">{typeText(column)}</span>
      </div>
      {column.histogram !== null && <Histogram column={column} />}
      <dl className="jp-MlopsLab-kv">
        {factsOf(column, t).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd title={value}>{value}</dd>
          </div>
        ))}
      </dl>
      {column.histogram === null && column.top.length > 0 && <MostFrequent column={column} />}
    </aside>
  );
}

/** The values that are there most often, each with its share. */
function MostFrequent({ column }: { column: IColumnProfile }): ReactElement {
  const t = useText();
  const highest = column.top[0][1];
  return (
    <>
      <h3 className="jp-MlopsLab-micro jp-MlopsLab-muted">{t('most frequent values')}</h3>
      <table className="jp-MlopsLab-topvalues">
        <tbody>
          {column.top.map(([value, n]) => (
            <tr key={String(value)}>
              <th scope="row" className="jp-MlopsLab-ellipsis" title={String(value)}>
                {value === '' ? t('(empty text)') : String(value)}
              </th>
              <td className="jp-MlopsLab-pairbars" aria-hidden>
                <i style={{ width: `${(100 * n) / highest}%` }} />
              </td>
              <td className="jp-MlopsLab-num" title={formatCount(n)}>
                {shareText(n / Math.max(1, column.count))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function factsOf(column: IColumnProfile, t: Translate): [string, string][] {
  const { kind, quantiles, mean, std, not_finite, min, max } = column;
  const facts: [string, string | null][] = [
    [t('there'), formatCount(column.count)],
    [
      t('missing'),
      `${formatCount(column.missing)}${column.missing > 0 ? ` (${shareText(missingShare(column))})` : ''}`
    ],
    [t('distinct'), distinctText(column)],
    [t('not finite'), not_finite > 0 ? formatCount(not_finite) : null],
    [t('mean'), mean === null ? null : formatValue(mean, 3)],
    [t('standard deviation'), std === null ? null : formatValue(std, 3)],
    [t('least'), min === null ? null : valueText(min, kind)],
    ...SPREAD.map((name): [string, string | null] => [
      name === 'p50' ? t('median') : t('%1 % are below', name.slice(1)),
      quantiles[name] === undefined ? null : valueText(quantiles[name], kind)
    ]),
    [t('greatest'), max === null ? null : valueText(max, kind)]
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null);
}

/** Scroll just so far that a row can be seen below the head. */
function reveal(grid: HTMLElement | null, index: number): void {
  if (grid !== null) {
    const head = grid.firstElementChild?.clientHeight ?? 0;
    const top = index * ROW;
    if (top < grid.scrollTop) {
      grid.scrollTop = top;
    } else if (top + ROW + head > grid.scrollTop + grid.clientHeight) {
      grid.scrollTop = top + ROW + head - grid.clientHeight;
    }
  }
}

/** The first row in view and the one after the last, as the table scrolls and its room changes. */
function useRowsInView(
  grid: React.RefObject<HTMLDivElement | null>,
  total: number
): [number, number] {
  const [range, setRange] = useState<[number, number]>([0, 30]);
  useLayoutEffect(() => {
    const node = grid.current;
    if (node === null) {
      return;
    }
    const measure = (): void => {
      const first = Math.floor(node.scrollTop / ROW);
      const last = Math.ceil((node.scrollTop + Math.max(node.clientHeight, 10 * ROW)) / ROW);
      setRange(old => (old[0] === first && old[1] === last ? old : [first, last]));
    };
    measure();
    const sized = typeof ResizeObserver === 'undefined' ? null : new ResizeObserver(measure);
    sized?.observe(node);
    node.addEventListener('scroll', measure, { passive: true });
    return () => {
      sized?.disconnect();
      node.removeEventListener('scroll', measure);
    };
  }, [grid, total]);
  return range;
}
