import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MonitorsModel } from '../../src/monitoring/monitors';
import { isSettled, sentenceOf } from '../../src/monitoring/section';
import { FakeServer, KEY, answered } from './fakes';

const trans = nullTranslator.load('mlops_lab');
const LOOKING = '9b1c0de47a5f4e2c8d3a6f7b12e04c58';

describe('the monitors of the sidebar', () => {
  let server: FakeServer;
  let model: MonitorsModel;
  beforeEach(async () => {
    server = new FakeServer();
    model = new MonitorsModel(server.projects, trans);
    await answered();
    expect(server.asked).toEqual([]); // Nobody looks yet.
    model.active = true;
    await answered();
  });
  afterEach(() => model.dispose());

  it('are read again for what concerns them', async () => {
    const asked = () => server.count('GET', 'monitors');
    server.change('models', ['gbm']);
    server.change('runs', ['another']);
    await answered();
    expect(asked()).toBe(1);
    for (const [kind, id] of [
      ['monitors', 'delay'],
      ['alerts', 'a'],
      // A check that ends without an evaluation.
      ['runs', LOOKING]
    ]) {
      const before = asked();
      server.change(kind, [id]);
      await answered();
      expect(asked(), kind).toBe(before + 1);
    }
  });

  it('know which one a key is about', () => {
    expect(model.subject()).toBeNull();
    model.focus('weather');
    expect(model.subject()).toEqual({ project: KEY, name: 'weather' });
    model.focus('gone');
    expect(model.subject()).toBeNull();
  });

  it('say the most telling thing first: a fault, that it looks, what it found', () => {
    const [delay, weather, bad] = model.rows.map(row => sentenceOf(row, trans));
    expect(delay).toContain('2 alerts are open');
    expect(weather).toMatch(/^it looks now · It has not been checked yet/);
    expect(bad).toMatch(/^line 3: 'refrence' is not known here/);
    const [row] = model.rows;
    const settled = [isSettled(row), isSettled({ ...row, open_alerts: 0 })];
    expect(settled).toEqual([false, true]);
    // What is the matter with the data, or with the file, is no alert that somebody could settle.
    expect(isSettled({ ...row, open_alerts: 0, state: 'quality' })).toBe(false);
  });
});
