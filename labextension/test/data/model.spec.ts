import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DatasetsModel, subjectOf } from '../../src/data/model';
import { DatasetModel } from '../../src/data/view/model';
import type { IProjectModel } from '../../src/state/project';
import { sample } from '../wire';
import { FakeServer, KEY, answered } from './fakes';

const FLIGHTS = 'datasets/flights';

let server: FakeServer;
beforeEach(() => {
  server = new FakeServer();
});

describe('DatasetModel', () => {
  let model: DatasetModel;
  const open = async (place = {}): Promise<void> => {
    model = new DatasetModel(server.live, 'flights', place);
    model.active = true;
    await answered();
  };
  afterEach(() => model.dispose());

  it('shows the latest version, and asks for nothing that no tab shows', async () => {
    await open();
    expect(model.version).toBe(3);
    expect(model.shown?.name).toBe('flights');
    expect(server.asked.sort()).toEqual([FLIGHTS, `${FLIGHTS}/versions/3`]);
  });

  it('asks nothing while another tab covers it', async () => {
    model = new DatasetModel(server.live, 'flights');
    await answered();
    expect(server.asked).toEqual([]);
  });

  it('goes from version to version, and stops at the ends', async () => {
    await open({ version: 2 });
    expect([model.beside(-1), model.beside(1)]).toEqual([1, 3]);
    model.choose(3);
    expect(model.beside(1)).toBeNull();
    // Until version 3 has come the one before it stays on screen.
    expect(model.shown?.version).toBe(2);
    await answered();
    expect(model.shown?.version).toBe(3);
  });

  it('compares with the version before, by rows where a key is given', async () => {
    await open({ tab: 'diff' });
    expect(server.asked).toContain(`${FLIGHTS}/versions/3/diff 2`);
    expect(model.diff?.value?.before).toBe(2);
    model.compare(1);
    model.tellApart('flight_id');
    await answered();
    expect(server.asked).toContain(`${FLIGHTS}/versions/3/diff 1 flight_id`);
    model.show('profile');
    expect(model.diff).toBeNull();
  });

  it('with a key still compares each version with the one before it', async () => {
    await open({ tab: 'diff' });
    model.tellApart('flight_id');
    model.choose(2);
    expect(model.against).toBe(1);
  });

  it('compares the first version with the one after it', async () => {
    await open({ version: 1, tab: 'diff' });
    expect(model.against).toBe(2);
  });

  it('reads its lineage when that is looked at', async () => {
    await open();
    model.show('lineage');
    await answered();
    expect(server.asked).toContain('lineage');
    expect(model.lineage?.value?.nodes.length).toBeGreaterThan(0);
  });

  it('reads again what the server says has changed, of this dataset', async () => {
    await open();
    server.asked = [];
    server.change('datasets', ['weather']);
    server.change('runs', ['a1']);
    await answered();
    expect(server.asked).toEqual([]);
    server.change('datasets', ['flights']);
    await answered();
    expect(server.asked.sort()).toEqual([FLIGHTS, `${FLIGHTS}/versions/3`]);
  });

  it('keeps what it shows when the server fails', async () => {
    await open();
    server.broken = true;
    server.change('datasets');
    await answered();
    expect(model.detail?.error?.message).toBe('The index is damaged.');
    expect(model.shown?.version).toBe(3);
    server.broken = false;
    model.retry();
    await answered();
    expect(model.detail?.error).toBeNull();
  });

  it('says that a version is not here, and which are', async () => {
    await open({ version: 9 });
    expect(model.detail?.error?.status).toBe(404);
    expect(model.versions.map(one => one.version)).toEqual([3, 2, 1]);
  });
});

describe('DatasetsModel', () => {
  const trans = nullTranslator.load('mlops_lab');
  let projects: IProjectModel;
  let model: DatasetsModel;
  beforeEach(async () => {
    const owner = {};
    projects = {
      key: KEY,
      live: server.live,
      changed: new Signal(owner)
    } as unknown as IProjectModel;
    model = new DatasetsModel(projects, trans);
    model.active = true;
    await answered();
  });
  afterEach(() => model.dispose());
  const ids = (): string[] => model.rows().map(row => row.id);

  it('has a row for each dataset, and its versions where it is unfolded', async () => {
    expect(ids()).toEqual(['flights', 'weather', 'terminal-photos']);
    model.unfold('flights', true);
    expect(ids()).toEqual(['flights', 'flights@', 'weather', 'terminal-photos']);
    await answered();
    expect(ids().slice(0, 4)).toEqual(['flights', 'flights@3', 'flights@2', 'flights@1']);
    model.unfold('flights', false);
    expect(ids()).toHaveLength(3);
    expect(model.focused).toBe('flights');
  });

  it('stands for the latest version that nothing blocks', () => {
    const [flights, weather, photos] = model.rows().map(subjectOf);
    expect(flights).toEqual({ name: 'flights', version: 3, tabular: true });
    expect(weather.version).toBe(1);
    expect(photos.tabular).toBe(false);
  });

  it('shows the newest of many versions, and all when asked', async () => {
    const [row] = (sample('dataset') as { versions: object[] }).versions;
    server.many = Array.from({ length: 300 }, (_, i) => ({ ...row, version: 300 - i }));
    model.unfold('flights', true);
    await answered();
    expect(model.rows().filter(row => row.kind === 'version')).toHaveLength(10);
    expect(model.rows().find(row => row.kind === 'older')).toMatchObject({ count: 290 });
    model.showAll('flights');
    expect(model.rows().filter(row => row.kind === 'version')).toHaveLength(300);
  });

  it('keeps its versions when they are read again', async () => {
    model.unfold('flights', true);
    await answered();
    server.broken = true;
    server.change('datasets', ['flights']);
    await answered();
    expect(ids()).toContain('flights@3');
  });
});
