import { nullTranslator } from '@jupyterlab/translation';
import { ServerConnection } from '@jupyterlab/services';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Models } from '../../src/api/registry';
import { decode } from '../../src/api/request';
import { ProjectClient } from '../../src/api/client';
import { loadLine, usualRef } from '../../src/registry/lines';
import { RegistryModel, selectionOf } from '../../src/registry/model';
import { LiveProject } from '../../src/state/live';
import { FakePage } from '../state/fakes';
import { sample } from '../wire';

const KEY = '5f0c2a9d41be';
const ANSWERS: Record<string, string> = {
  models: 'models',
  decisions: 'decisions',
  me: 'me',
  lineage: 'lineage',
  'models/flight-delay': 'model',
  'models/flight-delay/versions/6': 'model_version',
  'models/flight-delay/versions/6/card': 'model_card',
  'models/flight-delay/versions/6/approve': 'model_decision',
  'models/flight-delay/aliases/champion': 'model_decision',
  'models/flight-delay/aliases/champion/rollback': 'model_decision'
};

let asked: { path: string; method: string; body: unknown }[];
let refused: Record<string, number>;
let live: LiveProject;
const opened: string[] = [];

beforeEach(() => {
  asked = [];
  refused = {};
  const fetch = vi.fn(async (info: RequestInfo) => {
    const input = info as Request;
    const path = new URL(input.url).pathname.split(`/projects/${KEY}/`)[1];
    const text = await input.text();
    asked.push({ path, method: input.method, body: text === '' ? null : JSON.parse(text) });
    const status = refused[path] ?? 200;
    const body = status === 200 ? sample(ANSWERS[path]) : { title: 'No', detail: 'It is refused.' };
    return new Response(JSON.stringify(body), { status });
  });
  const settings = ServerConnection.makeSettings({ baseUrl: 'http://lab.test/', fetch });
  live = new LiveProject(new ProjectClient(KEY, settings), new FakePage());
});
afterEach(() => live.dispose());

function make(): RegistryModel {
  const trans = nullTranslator.load('mlops_lab');
  const actions = {
    open: (node: string) => opened.push(node),
    report: () => {},
    insert: () => {}
  };
  const model = new RegistryModel(live, actions, trans);
  model.data.active = true;
  return model;
}

const paths = () => asked.map(one => one.path);
const soon = (check: () => void) => vi.waitFor(check, 5_000);

describe('the host of the registry browser', () => {
  it('reads what is selected, once', async () => {
    const model = make();
    await soon(() => expect(model.view.get('models')).not.toBeNull());
    model.select({ model: 'flight-delay', version: 6 });
    await soon(() => expect(model.view.get('details')['flight-delay@6']).toBeDefined());
    expect(model.view.get('lineages')['flight-delay@6'].focus).toBe('model:flight-delay@6');
    model.select({ part: 'card' });
    await soon(() => expect(model.view.get('cards')['flight-delay@6']).toBeDefined());
    for (const path of new Set(paths())) {
      expect(paths().filter(one => one === path)).toHaveLength(1);
    }
    model.dispose();
  });

  it('reads again what a change concerns, and nothing for another', async () => {
    const model = make();
    await soon(() => expect(model.view.get('models')).not.toBeNull());
    asked = [];
    live.receive({ project: KEY, kind: 'runs', ids: ['a'], seq: 1 });
    live.receive({ project: KEY, kind: 'models', ids: ['flight-delay'], seq: 2 });
    await soon(() => expect(paths()).toContain('decisions'));
    expect(paths().filter(one => one === 'models')).toHaveLength(1);
    model.dispose();
  });

  it('takes a decision with its content and its reason', async () => {
    const model = make();
    await soon(() => expect(model.view.get('models')).not.toBeNull());
    const about = { model: 'flight-delay', version: 6, alias: 'champion', digest: 'b3-1' };
    model.view.set('request', { id: 'one', verb: 'approve', ...about, text: 'fits' });
    await soon(() => expect(model.view.get('answer')?.id).toBe('one'));
    expect(model.view.get('answer')).toMatchObject({ ok: true });
    expect(asked.find(one => one.path.endsWith('approve'))).toMatchObject({
      method: 'POST',
      body: { alias: 'champion', digest: 'b3-1', comment: 'fits' }
    });
    model.view.set('request', { id: 'two', verb: 'promote', ...about, text: 'fits' });
    await soon(() => expect(model.view.get('answer')?.id).toBe('two'));
    expect(asked.find(one => one.method === 'PUT')?.body).toEqual({
      version: 6,
      digest: 'b3-1',
      reason: 'fits'
    });
    model.dispose();
  });

  it('says why something was refused', async () => {
    refused['models/flight-delay/aliases/champion/rollback'] = 409;
    const model = make();
    const about = { model: 'flight-delay', version: 5, alias: 'champion', digest: 'b3-1' };
    model.view.set('request', { id: 'one', verb: 'rollback', ...about, text: 'slow' });
    await soon(() => expect(model.view.get('answer')?.id).toBe('one'));
    expect(model.view.get('answer')).toEqual({ id: 'one', ok: false, sentence: 'It is refused.' });
    model.dispose();
  });

  it('shows the rest when a part cannot be read', async () => {
    refused.lineage = 500;
    const model = make();
    model.select({ model: 'flight-delay', version: 6 });
    await soon(() => expect(model.view.get('details')['flight-delay@6']).toBeDefined());
    expect(model.view.get('lineages')).toEqual({});
    expect(model.view.get('error')).toBe('It is refused.');
    model.dispose();
  });

  it('opens things by the application', () => {
    const model = make();
    model.view.set('request', { id: 'one', verb: 'open', node: 'run:abc' });
    expect(opened).toContain('run:abc');
    model.dispose();
  });
});

describe('what a command is asked', () => {
  it('comes from anywhere, and is not believed', () => {
    expect(selectionOf({})).toBeNull();
    expect(selectionOf({ name: 'a', version: '6', review: 1 })).toEqual({
      model: 'a',
      version: null,
      part: 'versions',
      sheet: null
    });
    expect(selectionOf({ name: 'a', version: 6, review: 'champion' })).toMatchObject({
      version: 6,
      sheet: { verb: 'promote', alias: 'champion' }
    });
  });
});

describe('the line that loads a model', () => {
  const [row] = decode(Models, sample('models')).models;
  it('names the champion, else an alias, else the newest', () => {
    const ref = (change: object) => usualRef({ ...row, ...change });
    expect(ref({})).toBe('flight-delay@champion');
    expect(ref({ aliases: [{ alias: 'staging', version: 6 }] })).toBe('flight-delay@staging');
    expect(ref({ aliases: [] })).toBe('flight-delay@6');
    expect(ref({ aliases: [], latest: null })).toBeNull();
  });
  it('is a line of Python whatever the name', () => {
    expect(loadLine('a"b\n@1')).toBe('model = lab.model("a\\"b\\n@1").load()');
  });
});
