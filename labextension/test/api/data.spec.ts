import { describe, expect, it } from 'vitest';
import * as wire from '../../src/api/data';
import { decode } from '../../src/api/request';
import { Started } from '../../src/api/types';
import { sample } from '../wire';

const SAMPLES = {
  datasets: wire.Datasets,
  dataset: wire.DatasetPage,
  dataset_version: wire.DatasetVersion,
  dataset_version_blocked: wire.DatasetVersion,
  dataset_diff: wire.DatasetDiff,
  dataset_commit_started: Started
};

describe('the wire of data', () => {
  it.each(Object.entries(SAMPLES))('decodes the sample %s', (name, schema) => {
    expect(() => decode(schema, sample(name))).not.toThrow();
  });

  it('knows the rows that a check points at', () => {
    const { reports } = decode(wire.DatasetVersion, sample('dataset_version_blocked'));
    const wind = reports[0].checks.find(check => check.column === 'wind_speed');
    expect(wind?.state).toBe('failed');
    expect(wind?.sample?.rows[0]).toContain(1048.3606);
  });
});
