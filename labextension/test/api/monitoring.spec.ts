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
});
