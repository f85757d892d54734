import { memo, useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import { Badge } from '../../components/badge';
import { formatCount } from '../../components/format';
import { Sparkline } from '../../components/sparkline';
import { onEnter, useRoving } from '../roving';
import { useText } from '../text';
import { useShown } from './context';
import { Effect } from './distribution';
import { at, finite, formatEffect, limitOf, measureLabel } from './facts';
import type { IRange } from './facts';
import { useHost } from './host';
import type { IColumn } from './state';
import { naturalOver } from './values';
import type { IColumnWindow, IWindowValues } from './window';

const FEW = 10;
const MORE = 100;

interface IRankedRow {
  column: IColumn;
  found: IColumnWindow;
  weight: number;
}

/** The features by what their drift means for the model, in the window that is looked at. */
export function Ranked(props: { values: IWindowValues; shown: string | null }): ReactElement {
  const { values, shown } = props;
  const t = useText();
  const { evaluation, selection, columns, weighed } = useShown();
  const { ref, onKeyDown } = useRoving<HTMLTableSectionElement>();
  const [count, setCount] = useState(FEW);
  const rows = useMemo(() => rank(columns, values, weighed), [columns, values, weighed]);
  const seen = rows.slice(0, count);
  const most = Math.max(...rows.map(row => row.weight), 1e-12);
  const stop = seen.some(row => row.column.name === shown) ? shown : seen[0]?.column.name;
  const { measure } = selection;
  const features = columns.filter(column => column.role === 'feature').length;
  return (
    <section className="jp-MlopsLab-block" aria-label={t('Ranked features')}>
      <div className="jp-MlopsLab-block-head">
        <h2 className="jp-MlopsLab-h2">{weighed ? t('Ranked by impact') : t('Ranked by drift')}</h2>
        <span className="jp-MlopsLab-small jp-MlopsLab-muted">
          {features === 1 ? t('1 feature') : t('%1 features', formatCount(features))}
        </span>
      </div>
      <table className="jp-MlopsLab-drift-ranked">
        <thead>
          <tr>
            <th scope="col">{t('Feature')}</th>
            <th scope="col" className="jp-MlopsLab-num">
              {measureLabel(null, measure)}
            </th>
            <th scope="col" className="jp-MlopsLab-num">
              {measure === 'effect' ? t('natural') : t('usual')}
            </th>
            <th scope="col" className="jp-mod-spark">
              {t('by %1', evaluation.chunking.by === 'all' ? t('chunk') : evaluation.chunking.by)}
            </th>
            <th scope="col">{weighed ? t('drift × importance') : t('drift ÷ natural')}</th>
            <th scope="col">
              <span className="jp-MlopsLab-unseen">{t('state')}</span>
            </th>
          </tr>
        </thead>
        <tbody ref={ref} onKeyDown={onKeyDown}>
          {seen.map(({ column, found, weight }) => (
            <Row
              key={column.name}
              column={column}
              found={found}
              value={found[measure]}
              weight={Math.max(1, Math.round((100 * weight) / most))}
              state={worstState(column, values.range)}
              natural={naturalOver(column, values.range)}
              selected={column.name === shown}
              stop={column.name === stop}
            />
          ))}
        </tbody>
      </table>
      {rows.length > FEW && (
        <button
          type="button"
          className="jp-MlopsLab-link jp-MlopsLab-small"
          aria-expanded={count > FEW}
          onClick={() => setCount(count < rows.length ? count + MORE : FEW)}
        >
          {count >= rows.length
            ? t('Show the first %1', FEW)
            : t(
                'Show %1 more of %2',
                Math.min(MORE, rows.length - count),
                formatCount(rows.length)
              )}
        </button>
      )}
    </section>
  );
}

interface IRow {
  column: IColumn;
  found: IColumnWindow;
  /** What of it is shown: with the same the row stays as it is. */
  value: number | null;
  /** In percent of the heaviest. */
  weight: number;
  state: string;
  natural: number | null;
  selected: boolean;
  stop: boolean;
}

const Row = memo(
  ({ column, found, weight, state, natural, selected, stop }: IRow): ReactElement => {
    const t = useText();
    const { selection } = useShown();
    const { choose } = useHost();
    const { measure } = selection;
    const onChoose = () => choose({ column: column.name });
    return (
      <tr
        data-row={column.name}
        tabIndex={stop ? 0 : -1}
        aria-selected={selected}
        onClick={onChoose}
        onKeyDown={onEnter(onChoose)}
      >
        <th scope="row" className="jp-MlopsLab-ellipsis" title={column.name}>
          {column.name}
          {column.role !== 'feature' && (
            <span className="jp-MlopsLab-muted"> {t(column.role)}</span>
          )}
        </th>
        <td className="jp-MlopsLab-num">
          <Effect column={column} found={found} bare />
        </td>
        <td className="jp-MlopsLab-num jp-MlopsLab-muted">
          {formatEffect(measure === 'effect' ? natural : limitOf(column, measure))}
        </td>
        <td className="jp-mod-spark">
          <Course column={column} />
        </td>
        <td>
          <span className="jp-MlopsLab-drift-meter" title={importanceText(column, t)}>
            <i style={{ width: `${weight}%` }} />
          </span>
        </td>
        <td>
          <State column={column} state={state} />
        </td>
      </tr>
    );
  },
  (before, now) =>
    before.column === now.column &&
    before.weight === now.weight &&
    before.state === now.state &&
    before.natural === now.natural &&
    before.selected === now.selected &&
    before.stop === now.stop &&
    before.value === now.value &&
    before.found.source === now.found.source &&
    before.found.effectLow === now.found.effectLow &&
    before.found.effectHigh === now.found.effectHigh
);

const Course = memo(({ column }: { column: IColumn }): ReactElement => {
  const { selection } = useShown();
  const values = useMemo(
    () => column[selection.measure].map((_, i) => at(column[selection.measure], i) ?? NaN),
    [column, selection.measure]
  );
  return <Sparkline values={values} />;
});

/** The worst that a feature is in a range; data quality comes before drift. */
function worstState(column: IColumn, { from, until }: IRange): string {
  const states = column.states.slice(from, until + 1);
  return [...'qaw'].find(state => states.includes(state)) ?? '';
}

function State({ column, state }: { column: IColumn; state: string }): ReactElement | null {
  const t = useText();
  const little = finite(column.importance);
  const unimportant = little !== null && little < 0.002;
  if (state === 'q') {
    return <Badge title={t('A finding of data quality comes before drift')}>{t('quality')}</Badge>;
  }
  if (state === 'a') {
    return unimportant ? (
      <Badge title={t('It drifts, and the model hardly looks at it')}>{t('info')}</Badge>
    ) : (
      <Badge tone="bad" icon="alert">
        {t('alert')}
      </Badge>
    );
  }
  return state === 'w' ? (
    <Badge tone="warn" icon="alert">
      {t('warning')}
    </Badge>
  ) : null;
}

/** The order in a window: drift × importance, or drift ÷ what is natural where nobody knows that. */
export function rank(
  columns: readonly IColumn[],
  values: IWindowValues,
  weighed: boolean
): IRankedRow[] {
  return columns
    .flatMap(column => {
      const found = values.columns.get(column.name);
      if (found === undefined) {
        return [];
      }
      const effect = found.effect ?? 0;
      const weight = weighed
        ? effect * Math.max(0, finite(column.importance) ?? 0)
        : effect / limitOf(column, 'effect');
      return [{ column, found, weight }];
    })
    .sort(
      (a, b) =>
        Number(a.column.role !== 'feature') - Number(b.column.role !== 'feature') ||
        b.weight - a.weight
    );
}

function importanceText(
  column: IColumn,
  t: (text: string, ...values: (string | number)[]) => string
): string | undefined {
  const importance = finite(column.importance);
  return importance === null ? undefined : t('importance %1', importance.toFixed(3));
}
