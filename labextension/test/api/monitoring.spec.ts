import { describe, expect, it } from 'vitest';
import * as wire from '../../src/api/monitoring';
import { decode } from '../../src/api/request';
import { Needs, Started } from '../../src/api/types';
import { sample } from '../wire';

const SAMPLES = {
  monitors: wire.Monitors,
  monitors_empty: wire.Monitors,
  monitor: wire.MonitorPage,
  monitor_check_started: Started,
  monitor_window: wire.EvaluationWindow,
  evaluation: wire.Evaluation,
  alerts: wire.Alerts,
  alerts_empty: wire.Alerts,
  alert: wire.AlertPage,
  alert_row: wire.AlertRow,
  needs_alert: Needs
};

describe('the wire of monitoring', () => {
  it.each(Object.entries(SAMPLES))('decodes the sample %s', (name, schema) => {
    expect(() => decode(schema, sample(name))).not.toThrow();
  });

  it('loses nothing of an evaluation: its views know more than this', () => {
    expect(decode(wire.Evaluation, sample('evaluation'))).toEqual(sample('evaluation'));
  });

  it('names the list in which something is no number', () => {
    const evaluation = sample('evaluation') as { columns: { effect: unknown[] }[] };
    evaluation.columns[1].effect[3] = 'many';
    expect(() => decode(wire.Evaluation, evaluation)).toThrow(/columns\.1\.effect: a list of/);
  });
});
