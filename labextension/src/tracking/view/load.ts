import type { ProjectClient } from '../../api/client';
import type { IArtifact, IRunDetail, ISeries, IStep } from '../../api/types';

/** Points per metric: more than a chart of our width has pixels for. */
const POINTS = 400;

/** A run with what only further requests tell: its own, or that of a step of a pipeline run. */
export interface IPart {
  run: IRunDetail;
  series: ISeries[];
  artifacts: IArtifact[];
}

/** Everything that the run view shows, read together so that its parts agree. */
export interface IRunData extends IPart {
  /** The steps of a pipeline run, in their order. */
  steps: IPart[];
}

/** Whether more may come from a run. */
export function isLive(run: { status: string }): boolean {
  return run.status === 'running' || run.status === 'scheduled';
}

/** Read a run; what has ended and was read after its end is taken from `before`. */
export async function loadRun(
  client: ProjectClient,
  id: string,
  before: IRunData | null
): Promise<IRunData> {
  const own = await loadPart(client, id, before);
  const known = new Map(before?.steps.map(step => [step.run.id, step]));
  const steps = await Promise.all(
    own.run.steps.map(step => {
      const last = known.get(step.run_id) ?? null;
      if (last !== null && settled(step, last)) {
        return last;
      }
      // A step that cannot be read, deleted for example, does not hide the others.
      return loadPart(client, step.run_id, last).catch(() => last);
    })
  );
  return { ...own, steps: steps.filter(step => step !== null) };
}

async function loadPart(client: ProjectClient, id: string, before: IPart | null): Promise<IPart> {
  const run = await client.run(id);
  // Curves of metrics logged once do not exist: most steps need no second request.
  const curved = run.metrics.some(metric => metric.n > 1);
  const unchanged = before !== null && sameArtifacts(before.run, run);
  const [series, artifacts] = await Promise.all([
    curved ? client.histories(id, POINTS) : [],
    run.artifacts === 0
      ? []
      : unchanged
        ? before.artifacts
        : client.artifacts(id).then(answer => answer.artifacts)
  ]);
  return { run, series, artifacts };
}

function settled(step: IStep, last: IPart): boolean {
  return !isLive(step) && !isLive(last.run) && step.ended_at === last.run.ended_at;
}

/** An artifact logged twice under one name leaves their number: while it runs they are read again. */
function sameArtifacts(before: IRunDetail, now: IRunDetail): boolean {
  return before.artifacts === now.artifacts && !isLive(before) && !isLive(now);
}
