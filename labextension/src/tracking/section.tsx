import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';
import type { INeed, IRunRow } from '../api/types';
import {
  Code,
  Empty,
  ErrorBox,
  Loading,
  Section,
  StaleBar,
  formatCount,
  formatValue
} from '../components';
import type { RequestError } from '../api/request';
import type { Folds } from '../state/folds';
import { useChanged } from '../state/use';
import type { RunsModel } from './model';
import { NeedsList } from './needs';
import { CardPlaceholder, NotebookCard } from './notebook-card';
import type { RunPages } from './pages';
import { RowSkeleton } from './run-row';
import { RunsList } from './runs-list';

/** The three lines that make the first run. */
export const EXAMPLE = `import mlops_lab as lab
lab.start_run("first")
lab.log_metric("auc", 0.7)`;

/** What the sections ask of the application. */
export interface ITrackingActions {
  open(id: string): void;
  /** Show a version that waits for an approval. */
  review(need: INeed): void;
  /** Show why an alert is open. */
  explain(need: INeed): void;
  resolve(need: INeed): void;
  /** What can be decided about an alert, at a place on the page. */
  decide(need: INeed, at: DOMRect): void;
  stop(run: IRunRow): void;
  showKeys(): void;
  insertExample(): void;
  createExample(): Promise<void>;
  copy(text: string): void;
}

export interface ITrackingProps {
  model: RunsModel;
  folds: Folds;
  actions: ITrackingActions;
}

/** *This notebook*, *Needs you*, *Runs*; or what stands in their place. */
export function TrackingSections({ model, folds, actions }: ITrackingProps): ReactElement {
  useChanged(model);
  useChanged(model.pages);
  useChanged(model.needs);
  useChanged(folds);
  const { projects, pages, trans } = model;
  const error = pages?.error ?? projects.error;
  // A project, or runs, that were read once stay on screen whatever fails later.
  const known = pages !== null && pages.total !== null;
  if (!known && error !== null) {
    return <Unreadable model={model} error={error} actions={actions} />;
  }
  if (!known && (pages !== null || projects.loading)) {
    return <Awaited model={model} />;
  }
  if (pages === null || (pages.all === 0 && model.applied === '')) {
    return <Beginning model={model} actions={actions} />;
  }
  const fold = (id: string): { folded: boolean; onFold: (folded: boolean) => void } => ({
    folded: folds.has(id),
    onFold: folded => folds.set(id, folded)
  });
  const needs = model.needs?.value?.items ?? [];
  return (
    <>
      {pages.behind && pages.loadedAt !== null && (
        <StaleBar
          since={pages.loadedAt}
          onRetry={() => model.refresh()}
          updated={age => trans.__('updated %1 ago', age)}
          retry={trans.__('Retry')}
        />
      )}
      {model.card !== null && (
        <Section title={trans.__('This notebook')} {...fold('notebook')}>
          <NotebookCard model={model} open={actions.open} stop={actions.stop} />
        </Section>
      )}
      {needs.length > 0 && (
        <Section title={trans.__('Needs you')} count={formatCount(needs.length)} {...fold('needs')}>
          <NeedsList
            model={model}
            items={needs}
            open={actions.open}
            review={actions.review}
            explain={actions.explain}
            resolve={actions.resolve}
            decide={actions.decide}
          />
        </Section>
      )}
      <Section
        title={trans.__('Runs')}
        count={countOf(model, pages)}
        aside={<Goal model={model} pages={pages} />}
        flexible
        {...fold('runs')}
      >
        {model.problem !== null && (
          <div className="jp-MlopsLab-still jp-MlopsLab-ellipsis">
            {model.applied === ''
              ? trans.__('Still showing all runs')
              : trans.__('Still showing: %1', model.applied)}
          </div>
        )}
        {pages.total === 0 ? (
          <NothingFound model={model} />
        ) : (
          <RunsList model={model} pages={pages} open={actions.open} showKeys={actions.showKeys} />
        )}
      </Section>
    </>
  );
}

function countOf(model: RunsModel, pages: RunPages): string {
  const total = formatCount(pages.total ?? 0);
  return model.applied === '' ? total : model.trans.__('%1 of %2', total, formatCount(pages.all));
}

/** The goal metric, named once; pressed, the best come first. */
function Goal({ model, pages }: { model: RunsModel; pages: RunPages }): ReactElement | null {
  const goal = pages.goal;
  if (goal === null) {
    return null;
  }
  const { trans } = model;
  const best = model.order === 'best';
  const why =
    goal.direction === 'max'
      ? trans.__('Higher %1 is better', goal.key)
      : trans.__('Lower %1 is better', goal.key);
  const known = goal.guessed ? `${why} ${trans.__('(guessed; set it in mlops.toml)')}` : why;
  return (
    <button
      type="button"
      className="jp-MlopsLab-goal jp-MlopsLab-ellipsis"
      aria-pressed={best}
      title={`${known}. ${best ? trans.__('Newest first') : trans.__('Best first')}`}
      onClick={() => {
        model.sortBy(best ? 'newest' : 'best');
      }}
    >
      {best ? trans.__('best %1', goal.key) : goal.key}
      {best && ' ▾'}
    </button>
  );
}

function Awaited({ model }: { model: RunsModel }): ReactElement {
  const { trans } = model;
  const none = (): void => {};
  return (
    <Loading>
      {model.notebook !== null && (
        <Section title={trans.__('This notebook')} folded={false} onFold={none}>
          <CardPlaceholder />
        </Section>
      )}
      <Section title={trans.__('Runs')} folded={false} onFold={none}>
        {[0, 1, 2, 3, 4].map(index => (
          <RowSkeleton key={index} index={index} />
        ))}
      </Section>
    </Loading>
  );
}

function Unreadable(props: {
  model: RunsModel;
  error: RequestError;
  actions: ITrackingActions;
}): ReactElement {
  const { model, error, actions } = props;
  const { trans } = model;
  const directory = model.projects.project?.directory;
  const details = [error.message, error.code, `HTTP ${error.status}`, directory]
    .filter(Boolean)
    .join('\n');
  return (
    <Section title={trans.__('Runs')} folded={false} onFold={() => {}}>
      <div className="jp-MlopsLab-error-place">
        <ErrorBox title={trans.__('Runs cannot be read')} detail={error.message} path={directory}>
          <button
            type="button"
            className="jp-MlopsLab-button jp-mod-small"
            onClick={() => model.refresh()}
          >
            {trans.__('Retry')}
          </button>
          <button
            type="button"
            className="jp-MlopsLab-button jp-mod-small jp-mod-quiet"
            onClick={() => actions.copy(details)}
          >
            {trans.__('Copy details')}
          </button>
        </ErrorBox>
      </div>
    </Section>
  );
}

function Beginning(props: { model: RunsModel; actions: ITrackingActions }): ReactElement {
  const { model, actions } = props;
  const { trans } = model;
  const [busy, setBusy] = useState(false);
  const create = (): void => {
    setBusy(true);
    void actions.createExample().finally(() => setBusy(false));
  };
  return (
    <>
      <Section
        title={model.notebook === null ? trans.__('Runs') : trans.__('This notebook')}
        folded={false}
        onFold={() => {}}
      >
        <Empty
          title={trans.__('No run yet')}
          text={trans.__('Run these three lines. The run appears here while it works.')}
        >
          <Code>{EXAMPLE}</Code>
          <button
            type="button"
            className="jp-MlopsLab-button jp-mod-accept"
            onClick={() => actions.insertExample()}
          >
            {trans.__('Insert into notebook')}
          </button>
        </Empty>
      </Section>
      <div className="jp-MlopsLab-section">
        <Empty
          title={trans.__('Rather look first?')}
          text={trans.__(
            'The flight-delay example runs its pipeline in front of you: four notebooks and their gates, about a minute.'
          )}
        >
          <button type="button" className="jp-MlopsLab-button" disabled={busy} onClick={create}>
            {busy ? trans.__('Creating…') : trans.__('Create example project')}
          </button>
        </Empty>
      </div>
    </>
  );
}

function NothingFound({ model }: { model: RunsModel }): ReactElement {
  const { trans } = model;
  const [best, setBest] = useState<IRunRow | null>(null);
  useEffect(() => {
    let here = true;
    model.best().then(
      run => here && setBest(run),
      () => {} // A fact less, no error: the list itself says what is wrong.
    );
    return () => {
      here = false;
    };
  }, [model]);
  const fact = model.pages?.hint
    ? model.pages.hint
    : !best?.metric
      ? undefined
      : trans.__(
          'The best %1 in this project is %2 (%3).',
          best.metric.key,
          formatValue(best.metric.best ?? best.metric.value),
          best.name
        );
  return (
    <Empty title={trans.__('No run matches')} text={fact}>
      <div className="jp-MlopsLab-row-flex">
        <button
          type="button"
          className="jp-MlopsLab-button jp-mod-small"
          onClick={() => {
            model.type('');
          }}
        >
          {trans.__('Clear search')}
        </button>
        <span className="jp-MlopsLab-kbd" aria-hidden>
          {trans.__('Esc')}
        </span>
      </div>
    </Empty>
  );
}
