import { describe, expect, it } from 'vitest';
import { decode, RequestError } from '../../src/api/request';
import * as lineage from '../../src/api/lineage';
import * as registry from '../../src/api/registry';
import * as wire from '../../src/api/types';
import { sample } from '../wire';

const SAMPLES = {
  projects: wire.Projects,
  projects_none: wire.Projects,
  project: wire.Project,
  example: wire.Example,
  experiments: wire.Experiments,
  runs: wire.Runs,
  runs_empty: wire.Runs,
  run_row: wire.RunRow,
  needs: wire.Needs,
  notebook: wire.NotebookRuns,
  notebook_empty: wire.NotebookRuns,
  run_failed: wire.RunDetail,
  run_finished: wire.RunDetail,
  run_pipeline: wire.RunDetail,
  run_pipeline_failed: wire.RunDetail,
  run_pipeline_running: wire.RunDetail,
  run_rejected: wire.RunDetail,
  run_running: wire.RunDetail,
  deleted: wire.Deleted,
  restored: wire.Restored,
  metrics: wire.Histories,
  metric: wire.Series,
  artifacts: wire.Artifacts,
  preview: wire.Preview,
  log: wire.Log,
  pipelines: wire.Pipelines,
  pipeline_started: wire.Started,
  event: wire.Changed,
  needs_approval: wire.Needs,
  lineage: lineage.Graph,
  me: registry.Me,
  decisions: registry.Decisions,
  decisions_broken: registry.Decisions,
  models: registry.Models,
  models_empty: registry.Models,
  model_queue: registry.Models,
  model: registry.ModelPage,
  model_version: registry.VersionDetail,
  model_version_unsafe: registry.VersionDetail,
  model_card: registry.Card,
  model_decision: registry.Decided,
  model_registered: registry.VersionRow,
  run_models: registry.RunModels
};

describe('wire', () => {
  it.each(Object.entries(SAMPLES))('decodes the sample %s', (name, schema) => {
    expect(() => decode(schema, sample(name))).not.toThrow();
  });

  it('reads the names of numbers that JSON cannot write', () => {
    expect(decode(wire.Num, 'NaN')).toBeNaN();
    expect(decode(wire.Num, '-Infinity')).toBe(-Infinity);
  });

  it('names the place where an answer has another shape', () => {
    const runs = { ...(sample('runs') as object), total: 'many' };
    expect(() => decode(wire.Runs, runs)).toThrow(RequestError);
    expect(() => decode(wire.Runs, runs)).toThrow(/total/);
  });
});
