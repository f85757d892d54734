import { useContext } from 'react';
import type { ReactElement } from 'react';
import {
  Age,
  Block,
  Code,
  Empty,
  ErrorBox,
  Icon,
  Tag,
  formatBytes,
  formatDuration,
  formatMetric
} from '../../components';
import type { IInput, IRunDetail, IStep } from '../../api/types';
import { Curves } from '../../views/curves/curves';
import { useText } from '../../views/text';
import { Timeline } from '../../views/timeline/timeline';
import type { ITimelineStep } from '../../views/timeline/layout';
import { ActionsContext } from './actions';
import { Cells, Environment, Gates, Params, Stats } from './blocks';
import {
  allArtifacts,
  artifactIcon,
  artifactName,
  isPicture,
  leading,
  ranked,
  shownSeries,
  tally,
  viewerOf,
  withCells
} from './facts';
import type { IOwned } from './facts';
import { isLive } from './load';
import type { IPart, IRunData } from './load';
import { LoggedModels } from './logged-models';
import type { RunTab } from './model';
import { Preview } from './previews/preview';

const STATS = 7;
const CURVES = 3;
const ARTIFACTS = 8;

export interface IOverviewProps {
  data: IRunData;
  artifact: string | null;
  onArtifact: (id: string) => void;
  onTab: (tab: RunTab, step?: string) => void;
}

/** The whole run on one page: what it did and how it went; beside it, what with. */
export function Overview(props: IOverviewProps): ReactElement {
  const { data, onTab } = props;
  const { run } = data;
  return (
    <div className="jp-MlopsLab-cols">
      <div className="jp-MlopsLab-pane">
        <Trouble run={run} />
        {run.steps.length > 0 && <Steps run={run} />}
        {run.gates.length > 0 && <Gates gates={run.gates} />}
        <Metrics data={data} onTab={onTab} />
        <Executed data={data} onTab={onTab} />
        {isBare(data) && <Bare run={run} />}
      </div>
      <Side {...props} />
    </div>
  );
}

const LOG_SOMETHING = `run.log_metric("auc", 0.74, step=1)
run.log_figure(chart, "roc")`;

/** Nothing has been logged but the run itself. */
function isBare(data: IRunData): boolean {
  const { run } = data;
  return (
    run.steps.length + run.gates.length + withCells(data).length === 0 && leading(data) === null
  );
}

function Bare({ run }: { run: IRunDetail }): ReactElement | null {
  const t = useText();
  if (run.kind === 'pipeline' && isLive(run)) {
    return <Empty title={t('Starting')} text={t('The steps appear here as they begin.')} />;
  }
  return isLive(run) ? (
    <Empty title={t('Nothing has been logged yet')} text={t('This fills the page:')}>
      <Code>{LOG_SOMETHING}</Code>
    </Empty>
  ) : (
    <Empty title={t('No metric was logged')} />
  );
}

/** Why it did not end as it should, or why its gates refused it. */
function Trouble({ run }: { run: IRunDetail }): ReactElement | null {
  const t = useText();
  if (run.error !== null) {
    const { name, message, cell_index, traceback } = run.error;
    const step = run.steps.find(one => one.status === 'failed');
    const what = step === undefined ? t('Failed') : t('Step %1 failed', step.name);
    const where = cell_index === null ? what : t('%1 in cell %2', what, cell_index);
    const lines = Array.isArray(traceback) ? traceback.join('\n') : (traceback ?? '');
    return (
      <ErrorBox title={`${where}: ${name}`} detail={message}>
        {lines !== '' && (
          <details className="jp-MlopsLab-traceback">
            <summary>{t('Traceback')}</summary>
            <pre tabIndex={0}>{withoutAnsi(lines)}</pre>
          </details>
        )}
      </ErrorBox>
    );
  }
  if (run.reason === null || run.reason === '') {
    return null;
  }
  const tone = run.status === 'failed' || run.outcome === 'rejected' ? 'bad' : 'neutral';
  return <p className={`jp-MlopsLab-reason jp-mod-${tone}`}>{run.reason}</p>;
}

function Steps({ run }: { run: IRunDetail }): ReactElement {
  const t = useText();
  const actions = useContext(ActionsContext);
  const done = run.steps.filter(step => !isLive(step)).length;
  const note = isLive(run)
    ? t('%1 of %2 child runs done', done, run.steps.length)
    : t('%1 child runs, %2', run.steps.length, formatDuration(run.duration_s));
  const { passed, rejected, open } = tally(run.gates);
  const gates =
    run.gates.length === 0 || isLive(run)
      ? null
      : {
          text: `${t('gates')}: ${[
            passed > 0 ? t('%1 passed', passed) : '',
            rejected > 0 ? t('%1 rejected', rejected) : '',
            open > 0 ? t('%1 open', open) : ''
          ]
            .filter(part => part !== '')
            .join(', ')}`,
          tone: rejected > 0 ? ('bad' as const) : open > 0 ? ('warn' as const) : ('good' as const)
        };
  return (
    <Block title={t('Steps')} note={note}>
      <Timeline steps={run.steps.map(timed)} gates={gates} onOpen={id => actions.open(id)} />
    </Block>
  );
}

function timed(step: IStep): ITimelineStep {
  const metric = step.metric;
  return {
    id: step.run_id,
    name: step.name,
    detail: step.notebook ?? '',
    status: step.status,
    started: step.started_at === null ? null : Date.parse(step.started_at),
    ended: step.ended_at === null ? null : Date.parse(step.ended_at),
    result: metric === null ? '' : `${metric.key} ${formatMetric(metric.key, metric.value)}`
  };
}

function Metrics({ data, onTab }: { data: IRunData; onTab: IOverviewProps['onTab'] }) {
  const t = useText();
  const part = leading(data);
  if (part === null) {
    return null;
  }
  const metrics = ranked(part.run, data.run.metric?.key ?? null);
  const curves = curvesOf(data);
  const note = part.run.id === data.run.id ? undefined : t('of %1', part.run.name);
  const all = (
    <button
      type="button"
      className="jp-MlopsLab-button jp-mod-small jp-mod-quiet"
      onClick={() => onTab('metrics')}
    >
      {t('All metrics')}
    </button>
  );
  return (
    <Block title={t('Metrics')} note={note} aside={all}>
      <Stats metrics={metrics.slice(0, STATS)} live={isLive(part.run)} />
      {curves && curves.run.id !== part.run.id && (
        <p className="jp-MlopsLab-course">{t('Course of %1', curves.run.name)}</p>
      )}
      {curves && (
        <Curves
          series={curves.series}
          live={isLive(curves.run)}
          planned={curves.run.planned_steps}
          origin_ms={curves.run.started_at === null ? null : Date.parse(curves.run.started_at)}
          x="step"
          log_scale={[]}
          limit={CURVES}
        />
      )}
    </Block>
  );
}

/** The part with curves to draw: the run itself, else the first step that has some. */
function curvesOf(data: IRunData): IPart | null {
  const goal = data.run.metric?.key;
  for (const part of [data, ...data.steps]) {
    const series = shownSeries(part.series).filter(one => one.values.length > 1);
    if (series.length > 0) {
      const first = (key: string) => Number(key !== goal);
      return { ...part, series: series.sort((a, b) => first(a.key) - first(b.key)) };
    }
  }
  return null;
}

function Executed({ data, onTab }: { data: IRunData; onTab: IOverviewProps['onTab'] }) {
  const t = useText();
  const parts = withCells(data);
  const part = parts.find(({ run }) => run.status !== 'finished') ?? parts[parts.length - 1];
  if (part === undefined) {
    return null;
  }
  const { run, artifacts } = part;
  const name = run.source.notebook?.split('/').pop() ?? run.name;
  const done = run.cells.filter(cell => cell.state !== 'running').length;
  const total = run.cells[0].total ?? run.cells.length;
  const kept = artifacts.some(artifact => artifact.kind === 'notebook');
  const open = kept && (
    <button
      type="button"
      className="jp-MlopsLab-button jp-mod-small"
      onClick={() => onTab('notebook', run.id)}
    >
      <Icon name="notebook" size={14} />
      {t('Open snapshot')}
    </button>
  );
  return (
    <Block title={t('Notebook')} note={t('%1, %2 of %3 cells', name, done, total)} aside={open}>
      <Cells cells={run.cells} />
    </Block>
  );
}

function Side({ data, artifact, onArtifact, onTab }: IOverviewProps): ReactElement {
  const t = useText();
  const { run } = data;
  const environment =
    run.environment ?? data.steps.find(step => step.run.environment !== null)?.run.environment;
  // A step's notebook names its run too; said twice it is noise.
  const tags = Object.entries(run.tags).filter(
    ([key, value]) => !key.startsWith('mlops.') && !(key === 'name' && value === run.name)
  );
  return (
    <aside className="jp-MlopsLab-pane jp-MlopsLab-side" aria-label={t('Details')}>
      {run.params.length > 0 && <Params params={run.params} />}
      <Inputs inputs={run.inputs} />
      <LoggedModels runs={[run, ...data.steps.map(step => step.run)]} />
      {tags.length > 0 && (
        <Block title={t('Tags')}>
          <div className="jp-MlopsLab-tags">
            {tags.map(([key, value]) => (
              <Tag key={key} name={key} value={value} />
            ))}
          </div>
        </Block>
      )}
      {run.notes.length > 0 && (
        <Block title={t('Notes')}>
          <ul className="jp-MlopsLab-list">
            {run.notes.map((note, i) => (
              <li key={i} className="jp-MlopsLab-note">
                <span>{note.text}</span>
                <span className="jp-MlopsLab-micro jp-MlopsLab-muted">
                  {note.author} <Age at={note.at} />
                </span>
              </li>
            ))}
          </ul>
        </Block>
      )}
      <Artifacts
        all={allArtifacts(data)}
        chosen={artifact}
        onChoose={onArtifact}
        onAll={() => onTab('artifacts')}
      />
      {environment && <Environment record={environment} />}
    </aside>
  );
}

function Artifacts(props: {
  all: IOwned[];
  chosen: string | null;
  onChoose: (id: string) => void;
  onAll: () => void;
}): ReactElement | null {
  const { all, chosen, onChoose, onAll } = props;
  const t = useText();
  if (all.length === 0) {
    return null;
  }
  const shown = byTelling(all).slice(0, ARTIFACTS);
  const previewed = shown.find(one => one.id === chosen) ?? shown.find(isPicture);
  const more = all.length > shown.length && (
    <button type="button" className="jp-MlopsLab-button jp-mod-small jp-mod-quiet" onClick={onAll}>
      {t('All %1 artifacts', all.length)}
    </button>
  );
  return (
    <Block title={t('Artifacts')} note={all.length} aside={more}>
      <ul className="jp-MlopsLab-artifacts">
        {shown.map(one => (
          <ArtifactRow
            key={one.id}
            one={one}
            selected={one.id === previewed?.id}
            onChoose={() => onChoose(one.id)}
          />
        ))}
      </ul>
      {previewed && <Preview key={previewed.id} one={previewed} compact />}
    </Block>
  );
}

/** An artifact in one line: name, what it is, size. */
export function ArtifactRow(props: {
  one: IOwned;
  selected: boolean;
  onChoose: () => void;
}): ReactElement {
  const { artifact } = props.one;
  const folders = artifact.path.split('/').slice(0, -1).join('/');
  return (
    <li>
      <button
        type="button"
        className={`jp-MlopsLab-artifact${props.selected ? ' jp-mod-selected' : ''}`}
        aria-pressed={props.selected}
        title={artifact.path}
        onClick={props.onChoose}
      >
        <Icon name={artifactIcon(artifact)} size={14} />
        <span className="jp-MlopsLab-ellipsis">
          {artifactName(artifact)}{' '}
          <span className="jp-MlopsLab-muted">{folders || artifact.kind}</span>
        </span>
        <span className="jp-MlopsLab-micro jp-MlopsLab-muted">
          {artifact.size_bytes === null ? '' : formatBytes(artifact.size_bytes)}
        </span>
      </button>
    </li>
  );
}

/** The versions that it was given; each opens where it is at home. */
function Inputs({ inputs }: { inputs: readonly IInput[] }): ReactElement | null {
  const t = useText();
  const actions = useContext(ActionsContext);
  return inputs.length === 0 ? null : (
    <Block title={t('Inputs')}>
      <dl className="jp-MlopsLab-kv">
        {inputs.map(({ kind, name, version, role }, i) => (
          <div key={i}>
            <dt>{role ?? (kind === 'model' ? t('model') : t('data'))}</dt>
            <dd title={name}>
              {kind === 'external' || version === null ? (
                <>
                  {name}{' '}
                  {kind === 'external' && (
                    <span className="jp-MlopsLab-muted">{t('not committed')}</span>
                  )}
                </>
              ) : (
                <button
                  type="button"
                  className="jp-MlopsLab-link"
                  onClick={() => actions.openInput(kind, name, version)}
                >
                  {name} {version}
                </button>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </Block>
  );
}

/** What says most at a glance comes first: pictures, the last step's before those on the way. */
function byTelling(all: readonly IOwned[]): IOwned[] {
  const owners = [...new Set(all.map(one => one.owner.id))];
  // The notebooks have a tab of their own.
  const rank = (one: IOwned): number =>
    isPicture(one) ? 0 : viewerOf(one.artifact) === 'notebook' ? 2 : 1;
  return [...all].sort(
    (a, b) => rank(a) - rank(b) || owners.indexOf(b.owner.id) - owners.indexOf(a.owner.id)
  );
}

/** Tracebacks come with a terminal's colours. */
export function withoutAnsi(text: string): string {
  // eslint-disable-next-line no-control-regex -- the escape character is what is looked for
  return text.replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, '');
}
