import { describe, expect, it } from 'vitest';
import { proposedName } from '../../src/data/commit';
import { loadExpression, loadLine } from '../../src/data/lines';

describe('the line that loads a version', () => {
  it.each([
    ['flights', 3, true, 'flights = lab.dataset("flights@3").df()'],
    ['flight-delay', 12, true, 'flight_delay = lab.dataset("flight-delay@12").df()'],
    ['photos', 1, false, 'photos = lab.dataset("photos@1").path'],
    ['list', 1, true, 'list_ = lab.dataset("list@1").df()'],
    ['x"); import os #', 1, true, 'x_import_os = lab.dataset("x\\"); import os #@1").df()']
  ])('of %j %i is one line of Python', (name, version, tabular, line) => {
    expect(loadLine(name, loadExpression(name, version, tabular))).toBe(line);
    expect(line).not.toContain('\n');
  });
});

describe('proposedName', () => {
  it.each([
    ['data/flights.parquet', 'flights'],
    ['data/Flights 2013 (final).csv.gz', 'flights-2013-final'],
    ['weeks/', 'weeks'],
    ['data/größe.csv', 'größe'],
    ['.csv', 'csv'],
    ['../../etc/passwd', 'passwd']
  ])('makes of %j the name %j', (path, name) => {
    expect(proposedName(path)).toBe(name);
  });
});
