import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IAlertRow } from '../../src/api/monitoring';
import { AlertAnnouncer } from '../../src/monitoring/announcer';
import type { Level } from '../../src/monitoring/announcer';
import { sample } from '../wire';
import { FakeServer, answered } from './fakes';

const trans = nullTranslator.load('mlops_lab');
const [old] = (sample('alerts') as { alerts: IAlertRow[] }).alerts;

let server: FakeServer;
let announcer: AlertAnnouncer;
let opened: (string | null)[][];
beforeEach(async () => {
  Notification.dismiss();
  server = new FakeServer();
  opened = [];
  announcer = new AlertAnnouncer({
    projects: server.projects,
    trans,
    open: (...what) => opened.push(what)
  });
  await answered();
});
afterEach(() => announcer.dispose());

const told = () => Notification.manager.notifications.map(({ message }) => message);
const row = (id: string, change: Partial<IAlertRow> = {}): IAlertRow => ({
  ...old,
  ...{ id, run_id: `run-${id}`, sentence: `It is ${id}.` },
  ...change
});
const open = async (...alerts: IAlertRow[]): Promise<void> => {
  server.answers['GET alerts'] = { alerts: [old, ...alerts], open: 1 + alerts.length };
  server.change('alerts', ['x']);
  await answered();
};

describe('news of alerts', () => {
  it('tell of those that open, once, and never of those that were open', async () => {
    expect(told()).toEqual([]);
    await open(row('a'));
    expect(told()).toEqual(['delay: It is a.']);
    await open(row('a'));
    await open();
    await open(row('a')); // Acknowledged, and open again.
    expect(told()).toHaveLength(1);
  });

  it('tell of one that turns graver', async () => {
    await open(row('a', { severity: 'warn' }));
    await open(row('a', { sentence: 'It got worse.' }));
    await open(row('a', { severity: 'warn' }));
    expect(told().sort()).toEqual(['delay: It got worse.', 'delay: It is a.']);
  });

  it('tell of what opens before the first answer comes', async () => {
    announcer.dispose();
    server.answers['GET alerts'] = {
      alerts: [old, row('a', { opened_at: new Date(Date.now() + 1000).toISOString() })],
      open: 2
    };
    announcer = new AlertAnnouncer({ projects: server.projects, trans, open: () => undefined });
    await answered();
    expect(told()).toEqual(['delay: It is a.']);
  });

  it('lead to the alert', async () => {
    await open(row('a'));
    const [{ options }] = Notification.manager.notifications;
    options.actions?.[0].callback(new MouseEvent('click'));
    expect(opened).toEqual([[server.live.key, 'delay', 'a']]);
  });

  it('tell of many at once in one sentence for each monitor', async () => {
    await open(row('a', { severity: 'warn' }), row('b'), row('c'), row('d', { monitor: 'other' }));
    expect(told().sort()).toEqual([
      'delay: 3 alerts opened. The first: It is b.',
      'other: It is d.'
    ]);
  });

  it('leave out what hardly matters, what is decided, and what another notice tells', async () => {
    announcer.keepQuietAbout('run-c');
    await open(row('a', { severity: 'info' }), row('b', { status: 'muted' }), row('c'));
    expect(told()).toEqual([]);
  });

  it.each([
    ['warn', 2],
    ['alert', 1],
    ['never', 0]
  ] as [Level, number][])('are as many as the setting %s lets through', async (level, count) => {
    announcer.level = level;
    await open(row('a'), row('b', { severity: 'warn' }));
    expect(told()).toHaveLength(count);
  });

  it('wait while nobody sees the page', async () => {
    server.page.show(false);
    await open(row('a'));
    expect(told()).toEqual([]);
    server.page.show(true);
    await answered();
    expect(told()).toEqual(['delay: It is a.']);
  });
});
