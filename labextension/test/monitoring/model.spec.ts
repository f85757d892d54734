import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IEvaluation, IMonitorPage } from '../../src/api/monitoring';
import { MonitorModel } from '../../src/monitoring/model';
import type { IRequest } from '../../src/views/drift/state';
import { sample } from '../wire';
import { ALERT, FakeServer, OLDER, RUN, answered } from './fakes';

const trans = nullTranslator.load('mlops_lab');
const page = sample('monitor') as IMonitorPage;

let server: FakeServer;
let model: MonitorModel;
let opened: string[];
beforeEach(() => {
  server = new FakeServer();
  opened = [];
  const actions = { open: (node: string) => opened.push(node), insert: () => {}, report: null };
  model = new MonitorModel(server.live, 'delay', actions, trans);
});
afterEach(() => model.dispose());

const look = async (): Promise<void> => {
  model.data.active = true;
  await answered();
};
const ask = async (request: Omit<IRequest, 'id'> & object): Promise<unknown> => {
  model.view.set('request', { ...request, id: 'one' } as IRequest);
  await answered();
  return model.view.get('answer');
};

describe('the host of the drift view', () => {
  it('asks for nothing while another tab covers it', async () => {
    await answered();
    expect(server.asked).toEqual([]);
  });

  it('gives the view what the newest check found, and reads that once', async () => {
    await look();
    expect(model.view.get('evaluation')?.format).toBe(1);
    expect(model.view.get('monitor')).toMatchObject({ name: 'delay', running: null });
    expect(model.view.get('yaml')).toContain('current: dataset:predictions');
    expect(model.view.get('alerts')).toHaveLength(4);
    expect(server.asked.find(({ path }) => path.endsWith('evaluation'))?.query).toContain(RUN);
    server.change('alerts', ['a']);
    await answered();
    expect(server.count('GET', 'monitors/delay')).toBe(2);
    expect(server.count('GET', 'monitors/delay/evaluation')).toBe(1);
  });

  it('reads what a newer check found', async () => {
    await look();
    const newest = { ...page.evaluations[0], run_id: 'f'.repeat(32) };
    server.answers['GET monitors/delay'] = { ...page, evaluations: [newest, ...page.evaluations] };
    server.change('monitors', ['weather']);
    await answered();
    expect(server.count('GET', 'monitors/delay')).toBe(1);
    server.change('monitors', ['delay']);
    await answered();
    expect(server.count('GET', 'monitors/delay/evaluation')).toBe(2);
  });

  it('shows an older check, whose data is at hand no more', async () => {
    await look();
    model.choose(OLDER);
    await answered();
    const last = server.asked.filter(({ path }) => path.endsWith('evaluation')).at(-1);
    expect(last?.query).toContain(OLDER);
    const range = { from: '2013-04-15', until: '2013-04-22', segment: null, column: null };
    expect(await ask({ verb: 'window', ...range } as never)).toMatchObject({ ok: false });
    model.choose(null);
    await answered();
    const answer = await ask({ verb: 'window', ...range } as never);
    expect(answer).toMatchObject({ ok: true, result: { scanned: false } });
    expect(server.asked.at(-1)?.body).toEqual(range);
  });

  it('has no evaluation before the first check, and asks for none', async () => {
    server.answers['GET monitors/delay'] = { ...page, state: 'never', last: null, evaluations: [] };
    await look();
    expect(model.page?.state).toBe('never');
    expect(server.count('GET', 'monitors/delay/evaluation')).toBe(0);
    expect(model.view.get('loaded')).toBe(true);
  });

  it('keeps the rest when a part cannot be read, and says why', async () => {
    server.answers['GET alerts'] = 500;
    await look();
    expect(model.view.get('evaluation')).not.toBeNull();
    expect(model.view.get('alerts')).toBeNull();
    expect(model.view.get('error')).toBe('It is refused.');
  });

  it('looks when it is asked to, and says what is refused', async () => {
    await look();
    expect(await ask({ verb: 'check' } as never)).toMatchObject({ ok: true });
    expect(server.count('POST', 'monitors/delay/check')).toBe(1);
    server.answers['POST monitors/delay/check'] = 409;
    expect(await ask({ verb: 'check' } as never)).toEqual({
      id: 'one',
      ok: false,
      sentence: 'It is refused.'
    });
  });

  it('takes decisions about alerts, with their reasons', async () => {
    await look();
    const about = { alert: ALERT, comment: 'spring' };
    expect(await ask({ verb: 'acknowledge', ...about } as never)).toMatchObject({ ok: true });
    await ask({ verb: 'mute', ...about, until: '7d' } as never);
    const posted = server.asked.filter(({ path }) => path.startsWith('alerts/'));
    expect(posted.map(({ path, body }) => [path.split('/')[2], body])).toEqual([
      ['acknowledge', { comment: 'spring' }],
      ['mute', { comment: 'spring', until: '7d' }]
    ]);
  });

  it('opens things by the application', async () => {
    await ask({ verb: 'open', node: 'model:flight-delay@2' } as never);
    expect(opened).toEqual(['model:flight-delay@2']);
  });

  it('turns to the alert that a person came for', async () => {
    const evaluation = sample('evaluation') as IEvaluation;
    const alerts = evaluation.alerts.map((one, i) => ({ ...one, id: i === 1 ? ALERT : null }));
    server.answers['GET monitors/delay/evaluation'] = { ...evaluation, alerts };
    model.choose(OLDER);
    model.explain(ALERT);
    await look();
    expect(model.run).toBeNull(); // An older check may not know of it.
    const { alert, from, until } = model.view.get('selection');
    expect(alert).toContain(alerts[1].key);
    // As after a click on it: its chunks are looked at.
    const keys = evaluation.chunks.map(({ key }) => key);
    expect([from, until]).toEqual([alerts[1].first, alerts[1].last].map(one => keys.indexOf(one)));
    expect(model.alert?.id).toBe(ALERT);
  });
});
