import { useEffect, useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import { formatCount } from '../../components/format';
import { Loading, Skeleton } from '../../components/placeholder';
import { Tabs } from '../../components/tabs';
import { useText } from '../text';
import { useDraft } from './brush';
import { Calibration } from './calibration';
import { useShown } from './context';
import { Distribution } from './distribution';
import { finite, formatOf, rangeText } from './facts';
import type { IRange } from './facts';
import { useHost } from './host';
import { Ranked } from './ranked';
import { Fairness, Segments } from './segments';
import type { IEvaluation, IWindow, Part } from './state';
import { Table } from './table';
import type { ICubes, IWindowValues } from './window';
import { readCubes, windowOf } from './window';

/** So long the brush rests before the host is asked. */
const REST_MS = 250;
/** So long an answer is waited for before a person is told that none comes. */
const PATIENCE_MS = 15_000;
const NOBODY =
  'Nobody answers: the kernel or the server is busy or gone. Once it is back, show this again.';
/** So many answers are kept. */
const MOST_WINDOWS = 20;

/** What lies in the brushed range: distributions, ranking, segments; all of it at once. */
export function Lower({ range }: { range: IRange | null }): ReactElement {
  const t = useText();
  const { evaluation, selection, column, brush } = useShown();
  const { choose } = useHost();
  const draft = useDraft(brush);
  const cubes = useCubes(evaluation);
  const last = evaluation.chunks.length - 1;
  const shown = useMemo(() => draft ?? range ?? { from: 0, until: last }, [draft, range, last]);
  const { found: certified, refused } = useCertified(evaluation, shown, draft !== null);
  const values = useMemo(
    () => (cubes === null ? null : windowOf(evaluation, cubes, shown, certified)),
    [evaluation, cubes, shown, certified]
  );
  const { performance } = evaluation;
  const whole = draft === null && range === null;
  const tabs: { id: Part; label: string }[] = [
    { id: 'features', label: t('Features') },
    ...(performance === null
      ? []
      : [
          { id: 'segments' as const, label: t('Segments') },
          { id: 'fairness' as const, label: t('Fairness') }
        ]),
    ...(performance?.kind === 'binary'
      ? [{ id: 'calibration' as const, label: t('Calibration') }]
      : []),
    { id: 'table', label: t('Table') }
  ];
  const part = tabs.some(tab => tab.id === selection.part) ? selection.part : 'features';
  return (
    <div className="jp-MlopsLab-drift-lower">
      <div className="jp-MlopsLab-drift-lowerhead">
        <Tabs tabs={tabs} shown={part} onShow={id => choose({ part: id })} />
        {values !== null && (
          <Totals values={values} whole={whole} segment={certified?.segment ?? null} />
        )}
      </div>
      {selection.segment !== null && certified === null && (
        <p className="jp-MlopsLab-small jp-MlopsLab-muted" role="status">
          {t('All rows are shown.')}{' '}
          {refused === ''
            ? t('%1 alone is being computed.', selection.segment)
            : refused === NOBODY
              ? t(NOBODY)
              : refused}
        </p>
      )}
      {cubes !== null && cubes.broken.length > 0 && (
        <p className="jp-MlopsLab-small jp-MlopsLab-muted" role="status">
          {t('The counts of %1 cannot be read.', cubes.broken.slice(0, 5).join(', '))}
        </p>
      )}
      <div role="tabpanel" aria-label={tabs.find(tab => tab.id === part)?.label}>
        {values === null ? (
          <Loading>
            <Skeleton width="100%" height={140} />
          </Loading>
        ) : part === 'features' ? (
          <div className="jp-MlopsLab-drift-pair">
            {column === null ? (
              <p className="jp-MlopsLab-small jp-MlopsLab-muted">
                {t('There is no feature that both sides have.')}
              </p>
            ) : (
              <Distribution column={column} values={values} whole={whole} />
            )}
            <Ranked values={values} shown={column?.name ?? null} />
          </div>
        ) : part === 'segments' && performance !== null ? (
          <Segments performance={performance} range={whole ? null : shown} />
        ) : part === 'fairness' && performance !== null ? (
          <Fairness performance={performance} />
        ) : part === 'calibration' && performance !== null ? (
          <Calibration performance={performance} values={values} whole={whole} />
        ) : (
          <Table column={column} range={whole ? null : shown} />
        )}
      </div>
    </div>
  );
}

/** The performance over the range, in a line. */
function Totals(props: {
  values: IWindowValues;
  whole: boolean;
  segment: string | null;
}): ReactElement {
  const { values, whole, segment } = props;
  const t = useText();
  const { evaluation } = useShown();
  const { scored } = values;
  const told: string[] = [];
  if (scored !== null && scored.labelled > 0) {
    const { gap, auc, log_loss: loss } = scored;
    if (scored.positive_share !== null && scored.mean_score !== null) {
      told.push(
        t(
          '%1 realised, %2 predicted',
          formatOf('positive_share', null, scored.positive_share),
          formatOf('mean_score', null, scored.mean_score)
        )
      );
    } else if (gap !== null) {
      told.push(t('gap %1', formatOf('gap', null, gap)));
    }
    if (auc !== null) {
      told.push(`AUC ${formatOf('auc', null, auc)}`);
    }
    if (loss !== null) {
      told.push(t('log loss %1', formatOf('log_loss', null, loss)));
    }
  }
  return (
    <p className="jp-MlopsLab-drift-totals" aria-live="polite">
      <b>{rangeText(evaluation, whole ? null : values.range, t)}</b>
      {segment !== null && <span>{segment}</span>}
      <span>{t('%1 rows', formatCount(values.rows))}</span>
      {told.map(one => (
        <span key={one}>{one}</span>
      ))}
      {scored !== null && scored.labelled === 0 && evaluation.performance !== null && (
        <span className="jp-MlopsLab-muted">{t('no labels yet')}</span>
      )}
    </p>
  );
}

/** The counts, unpacked; null until they are. */
function useCubes(evaluation: IEvaluation): ICubes | null {
  const [found, setFound] = useState<{ evaluation: IEvaluation; cubes: ICubes } | null>(null);
  useEffect(() => {
    let current = true;
    void readCubes(evaluation).then(cubes => {
      if (current) {
        setFound({ evaluation, cubes });
      }
    });
    return () => {
      current = false;
    };
  }, [evaluation]);
  // Of the evaluation before, the counts have another shape.
  return found?.evaluation === evaluation ? found.cubes : null;
}

interface IKept {
  evaluation: IEvaluation;
  windows: ReadonlyMap<string, IWindow>;
}

function remember(
  { evaluation, windows }: IKept,
  now: IEvaluation,
  key: string,
  window: IWindow
): ReadonlyMap<string, IWindow> {
  const before = evaluation === now ? [...windows] : [];
  return new Map([...before.slice(1 - MOST_WINDOWS), [key, window]]);
}

/** What the host says of a range, once the brush rests; what it said before of the same. */
function useCertified(
  evaluation: IEvaluation,
  range: IRange,
  drawing: boolean
): { found: IWindow | null; refused: string } {
  const { selection } = useShown();
  const { alive, ask } = useHost();
  const [kept, setKept] = useState<IKept>({ evaluation, windows: new Map() });
  const [refused, setRefused] = useState('');
  const { segment } = selection;
  const from = evaluation.chunks[range.from]?.key;
  const until = evaluation.chunks[range.until]?.key;
  const key = JSON.stringify([from, until, segment]);
  // Of the evaluation before, the answers are about other chunks.
  const found = kept.evaluation === evaluation ? kept.windows.get(key) : undefined;
  const single = range.from === range.until && segment === null;
  useEffect(() => {
    // A chunk by itself has its certified numbers on the wire.
    if (
      !alive ||
      drawing ||
      single ||
      found !== undefined ||
      from === undefined ||
      until === undefined
    ) {
      return;
    }
    let current = true;
    setRefused('');
    const patience = window.setTimeout(() => setRefused(NOBODY), PATIENCE_MS);
    const timer = window.setTimeout(() => {
      void ask({ verb: 'window', from, until, segment, column: null }).then(answer => {
        if (!current) {
          return;
        }
        window.clearTimeout(patience);
        if (answer.ok && isWindow(answer.result)) {
          const window = answer.result;
          setKept(before => ({ evaluation, windows: remember(before, evaluation, key, window) }));
          setRefused('');
        } else {
          setRefused(answer.sentence);
        }
      });
    }, REST_MS);
    return () => {
      current = false;
      window.clearTimeout(timer);
      window.clearTimeout(patience);
    };
  }, [alive, ask, drawing, evaluation, found, single, key, from, until, segment]);
  return { found: drawing ? null : (found ?? null), refused };
}

/** The answer comes from another program: what is drawn from it is looked at. */
function isWindow(value: unknown): value is IWindow {
  const found = value as IWindow | null | undefined;
  return (
    typeof found === 'object' &&
    found !== null &&
    Array.isArray(found.columns) &&
    found.columns.every(
      one =>
        typeof one.name === 'string' &&
        Array.isArray(one.counts) &&
        !Number.isNaN(finite(one.effect))
    )
  );
}
