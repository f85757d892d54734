import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { FocusEvent, KeyboardEvent, ReactElement } from 'react';
import { Code } from '../../components/code';
import { Empty, ErrorBox, Loading, Said, Skeleton, StaleBar } from '../../components/placeholder';
import { useModelHost } from '../host';
import { useValue, useWidth } from '../hooks';
import type { IModel } from '../model';
import { useText } from '../text';
import { Brush, rangeAfter } from './brush';
import type { ISaid, IShown } from './context';
import { orderOf, ShownContext } from './context';
import type { IRange } from './facts';
import { brushed, chosenColumn, chosenIncident, incidentRange } from './facts';
import { Controls, Head } from './head';
import { HostContext, useHost } from './host';
import { Incidents } from './incidents';
import { Keys } from './keys';
import { Lower } from './lower';
import type { IDriftState, IEvaluation } from './state';
import { Time } from './time';

/** From here on the incidents stand beside the time axis. */
const WITH_SIDE = 1000;
const NARROW = 640;
/** So many notes stand above the pictures at first. */
const FEW_NOTES = 6;
/** So long an answer is remembered on the page. */
const SAID_MS = 10_000;

const FIRST = `import mlops_lab as lab
evaluation = lab.drift("reference@1", "predictions", time="at", target="late", score="score")
lab.DriftExplorer(evaluation)`;

type Model = IModel<IDriftState>;

const SILENT: ISaid = { ok: true, sentence: '' };

/** Whether what a model was trained on still holds: what changed, when, where, and what it cost. */
export function Drift({ model }: { model: Model }): ReactElement {
  const host = useModelHost(model);
  const place = useValue(model, 'place');
  const node = useRef<HTMLDivElement>(null);
  const width = useWidth(node, 1200);
  const size = width >= WITH_SIDE ? 'wide' : width >= NARROW ? 'medium' : 'narrow';
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
        className={`jp-MlopsLab-root jp-MlopsLab-drift jp-mod-${place} jp-mod-${size}`}
        {...own}
      >
        <Content model={model} />
      </div>
    </HostContext.Provider>
  );
}

function Content({ model }: { model: Model }): ReactElement {
  const t = useText();
  const { ask } = useHost();
  const evaluation = useValue(model, 'evaluation');
  const loaded = useValue(model, 'loaded');
  const error = useValue(model, 'error');
  const updated = useValue(model, 'updated_ms');
  const retry = () => void ask({ verb: 'refresh' });
  if (evaluation === null) {
    return error !== null ? (
      <div className="jp-MlopsLab-drift-alone">
        <ErrorBox title={t('The evaluation cannot be read')} detail={error}>
          <button type="button" className="jp-MlopsLab-button jp-mod-small" onClick={retry}>
            {t('Retry')}
          </button>
        </ErrorBox>
      </div>
    ) : loaded ? (
      <Beginning model={model} />
    ) : (
      <Waiting />
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
      <Shown key={evaluation.title} model={model} evaluation={evaluation} />
    </>
  );
}

/** An evaluation, with all that is linked to it. */
function Shown(props: { model: Model; evaluation: IEvaluation }): ReactElement {
  const { model, evaluation } = props;
  const t = useText();
  const host = useHost();
  const { choose } = host;
  const selection = useValue(model, 'selection');
  const node = useRef<HTMLDivElement>(null);
  const [brush] = useState(() => new Brush());
  const [help, setHelp] = useState(false);
  const [said, setSaid] = useState<ISaid>(SILENT);
  const order = useMemo(() => orderOf(evaluation), [evaluation]);
  const count = evaluation.chunks.length;
  const select = useCallback(
    (range: IRange | null) => {
      // Without a range the incident would bring its own again.
      const incident = chosenIncident(evaluation, model.get('selection'));
      choose({
        from: range?.from ?? null,
        until: range?.until ?? null,
        alert: model.get('selection').alert ?? (incident === null ? '' : incident.key)
      });
    },
    [choose, evaluation, model]
  );
  const range = useMemo(() => {
    const incident = selection.alert === null ? chosenIncident(evaluation, selection) : null;
    return (
      brushed(selection, evaluation.chunks.length) ??
      (incident === null ? null : incidentRange(evaluation, incident))
    );
  }, [evaluation, selection]);
  const shown = useMemo<IShown>(
    () => ({
      evaluation,
      selection,
      ...order,
      column: chosenColumn(evaluation, order.columns, selection),
      brush,
      select
    }),
    [evaluation, selection, order, brush, select]
  );
  useEffect(() => {
    if (said !== SILENT) {
      const timer = window.setTimeout(() => setSaid(SILENT), SAID_MS);
      return () => window.clearTimeout(timer);
    }
    return undefined;
  }, [said]);
  const onKeyDown = (event: KeyboardEvent) => {
    const typing = (event.target as HTMLElement).closest('input, textarea, select') !== null;
    if (typing || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const after = rangeAfter(event.key, event.shiftKey, range, count);
    if (after !== undefined) {
      select(after);
    } else if (event.key === 'Escape' && range !== null) {
      select(null);
    } else if (event.key === '?') {
      setHelp(!help);
    } else if (event.key === '/') {
      const search = node.current?.querySelector<HTMLInputElement>('[data-search]');
      if (search === null || search === undefined) {
        return;
      }
      search.focus();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <ShownContext.Provider value={shown}>
      <div ref={node} className="jp-MlopsLab-drift-page" onKeyDown={onKeyDown}>
        <Head model={model} onSaid={setSaid} />
        <Controls model={model} onHelp={() => setHelp(true)} onSaid={setSaid} />
        {help && <Keys onClose={() => setHelp(false)} />}
        {count === 0 ? (
          <div className="jp-MlopsLab-drift-alone">
            <Empty
              title={t('No chunk to look at')}
              text={evaluation.notes[0] ?? t('There are no rows, or none with a time.')}
            />
          </div>
        ) : (
          <div className="jp-MlopsLab-drift-body">
            <main className="jp-MlopsLab-drift-main" tabIndex={-1}>
              <Notes evaluation={evaluation} />
              <Time range={range} />
              <Lower range={range} />
            </main>
            <aside className="jp-MlopsLab-drift-side" aria-label={t('Incidents')}>
              <Incidents model={model} onSaid={setSaid} />
            </aside>
          </div>
        )}
        <Said text={said.sentence} ok={said.ok} />
      </div>
    </ShownContext.Provider>
  );
}

/** What the reader must know before the pictures: what was left out, what is too little. */
function Notes({ evaluation }: { evaluation: IEvaluation }): ReactElement | null {
  const t = useText();
  const [all, setAll] = useState(false);
  const everywhere = evaluation.quality.filter(one => one.chunk === null);
  const notes = [...everywhere.map(one => one.sentence), ...evaluation.notes];
  const small = evaluation.chunks.every(chunk => chunk.state !== 'complete');
  if (small && evaluation.summary.state === 'small') {
    notes.unshift(t('Every chunk has too few rows to alarm: this only shows what there is.'));
  }
  return notes.length === 0 ? null : (
    <ul className="jp-MlopsLab-drift-notes">
      {notes.slice(0, all ? notes.length : FEW_NOTES).map((note, i) => (
        <li key={i} className={i < everywhere.length ? 'jp-mod-quality' : ''}>
          {note}
        </li>
      ))}
      {notes.length > FEW_NOTES && (
        <li>
          <button
            type="button"
            className="jp-MlopsLab-link"
            aria-expanded={all}
            onClick={() => setAll(!all)}
          >
            {all ? t('Show the first %1', FEW_NOTES) : t('Show %1 more', notes.length - FEW_NOTES)}
          </button>
        </li>
      )}
    </ul>
  );
}

/** Nothing was evaluated yet: how it begins. */
function Beginning({ model }: { model: Model }): ReactElement {
  const t = useText();
  const { alive, inserts, ask, may } = useHost();
  const monitor = useValue(model, 'monitor');
  return (
    <div className="jp-MlopsLab-drift-alone">
      {monitor !== null ? (
        <Empty
          title={t('%1 was never checked', monitor.name)}
          text={t('Its first check compares the data with its reference and shows it here.')}
        >
          {may('monitors:check') && (
            <div className="jp-MlopsLab-row-flex">
              <button
                type="button"
                className="jp-MlopsLab-button jp-mod-accept"
                disabled={monitor.running !== null}
                onClick={() => void ask({ verb: 'check' })}
              >
                {monitor.running === null ? t('Check now') : t('Checking…')}
              </button>
            </div>
          )}
        </Empty>
      ) : (
        <Empty
          title={t('No evaluation yet')}
          text={t('It compares data with a reference: what changed, when, and what it cost.')}
        >
          <Code>{FIRST}</Code>
          {alive && inserts && (
            <div className="jp-MlopsLab-row-flex">
              <button
                type="button"
                className="jp-MlopsLab-button jp-mod-accept"
                onClick={() => void ask({ verb: 'insert', text: FIRST })}
              >
                {t('Insert into notebook')}
              </button>
            </div>
          )}
        </Empty>
      )}
    </div>
  );
}

/** The geometry of an evaluation, before it is there. */
function Waiting(): ReactElement {
  return (
    <Loading>
      <div className="jp-MlopsLab-drift-head">
        <div className="jp-MlopsLab-drift-title">
          <Skeleton width={200} height={24} />
          <Skeleton width={420} height={16} />
        </div>
      </div>
      <div className="jp-MlopsLab-drift-body">
        <div className="jp-MlopsLab-drift-main">
          {[200, 240, 140].map((height, i) => (
            <Skeleton key={i} width="100%" height={height} />
          ))}
        </div>
      </div>
    </Loading>
  );
}
