import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { act } from 'react';
import { createRoot } from 'react-dom/client';
import type { Root } from 'react-dom/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { IColumnProfile, IProfile } from '../../src/api/data';
import { ColumnProfile, DatasetVersion, Profile as ProfileSchema } from '../../src/api/data';
import { decode } from '../../src/api/request';
import { RunDetail } from '../../src/api/types';
import { Form } from '../../src/form-dialog';
import { CommitForm } from '../../src/data/commit';
import { progressText } from '../../src/data/committer';
import { DatasetsModel } from '../../src/data/model';
import { DataSection } from '../../src/data/section';
import type { IDataActions } from '../../src/data/section';
import { Checks } from '../../src/data/view/checks';
import { DatasetView } from '../../src/data/view/dataset-view';
import { DatasetModel } from '../../src/data/view/model';
import { Profile } from '../../src/data/view/profile';
import { Folds } from '../../src/state/folds';
import type { IProjectModel } from '../../src/state/project';
import { sample } from '../wire';
import { FakeServer, KEY, answered } from './fakes';

const HOSTILE = '<img src=x onerror="document.title=1">';
const trans = nullTranslator.load('mlops_lab');

let host: HTMLElement;
let root: Root | null;
beforeEach(() => {
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe(): void {}
      disconnect(): void {}
    }
  );
  Element.prototype.scrollIntoView ??= () => {};
  host = document.body.appendChild(document.createElement('div'));
  root = null;
});
afterEach(() => {
  act(() => root?.unmount());
  host.remove();
  vi.unstubAllGlobals();
});
const draw = (element: React.ReactElement): void => {
  root ??= createRoot(host);
  act(() => root?.render(element));
};
const wait = (): Promise<void> => act(answered);
const press = (node: Element | null, key: string): void =>
  act(() => {
    node?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  });
const type = (input: HTMLInputElement, text: string): void =>
  act(() => {
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!;
    set.call(input, text);
    input.dispatchEvent(new Event('input', { bubbles: true }));
  });
const all = (selector: string): HTMLElement[] => [...host.querySelectorAll<HTMLElement>(selector)];
const texts = (selector: string): string[] => all(selector).map(node => node.textContent ?? '');

describe('a profile', () => {
  const one = decode(ProfileSchema, (sample('dataset_version') as { profile: unknown }).profile);

  function wide(count: number): IProfile {
    const [column] = one.columns;
    const columns = Array.from({ length: count }, (_, i): IColumnProfile => ({
      ...column,
      name: `column_${i}`
    }));
    return { rows: 3, columns };
  }

  it('of ten thousand columns draws those in view', () => {
    draw(<Profile profile={wide(10_000)} />);
    const grid = host.querySelector('[role="grid"]')!;
    expect(grid.getAttribute('aria-rowcount')).toBe('10001');
    expect(all('.jp-MlopsLab-columnrow').length).toBeLessThan(60);
    press(host.querySelector('.jp-MlopsLab-columnrow'), 'End');
    expect(document.activeElement?.textContent).toContain('column_9999');
    expect(host.querySelector('aside')?.textContent).toContain('column_9999');
  });

  it('is searched, and says what it found', () => {
    draw(<Profile profile={one} />);
    const search = host.querySelector<HTMLInputElement>('input[type="search"]')!;
    type(search, 'delay');
    expect(texts('.jp-MlopsLab-columnrow .jp-MlopsLab-name')).toEqual(['dep_delay', 'arr_delay']);
    expect(host.textContent).toContain('2 of 12 columns');
    type(search, 'nothing like it');
    expect(host.textContent).toContain('No column matches');
  });

  it('shows names and values as text, whoever chose them', () => {
    const column = decode(ColumnProfile, {
      ...one.columns[3],
      name: HOSTILE,
      top: [[HOSTILE, 7]]
    });
    draw(<Profile profile={{ rows: 7, columns: [column] }} />);
    expect(host.querySelector('img')).toBeNull();
    expect(host.querySelector('aside h2')?.textContent).toBe(HOSTILE);
  });
});

describe('the checks', () => {
  const version = decode(DatasetVersion, sample('dataset_version_blocked'));

  it('say what is wrong, show the rows, and what to do', () => {
    draw(<Checks version={version} />);
    const [finding] = all('.jp-MlopsLab-finding');
    expect(finding.textContent).toContain('1 of 3,449 rows above 120 (max 1,048)');
    expect([...finding.querySelectorAll('td')].map(cell => cell.textContent)).toEqual([
      'EWR',
      '2013-02-12 08:00:00',
      '1,048'
    ]);
    expect(texts('.jp-MlopsLab-todo')[0]).toContain('suites/weather.yaml');
  });

  it('where there are none, say how to get some', () => {
    draw(<Checks version={{ ...version, reports: [] }} />);
    expect(host.textContent).toContain('mlops-lab data infer weather');
  });
});

describe('the view', () => {
  let server: FakeServer;
  let model: DatasetModel;
  const open = async (place = {}): Promise<void> => {
    model = new DatasetModel(server.live, 'flights', place);
    model.active = true;
    draw(<DatasetView model={model} />);
    await wait();
  };
  beforeEach(() => {
    server = new FakeServer();
  });
  afterEach(() => model.dispose());

  it('shows a version with the tabs that it has something for', async () => {
    await open();
    expect(host.querySelector('h1')?.textContent).toBe('flights 3');
    expect(texts('[role="tab"]')).toEqual([
      'Profile 12',
      'Checks 1 of 5 failed',
      'Diff',
      'Lineage',
      'Preview'
    ]);
  });

  it('draws what changed, and names what did not', async () => {
    await open({ tab: 'diff' });
    expect(texts('.jp-MlopsLab-columnchange h3')).toContain('flight_id');
    expect(texts('.jp-MlopsLab-stat')).toEqual([
      'added1,638',
      'removed0',
      'changed17',
      'as before18,542'
    ]);
    expect(host.textContent).toContain('hour_traffic is new');
    expect(texts('.jp-MlopsLab-names').at(-1)).toContain('carrier');
  });

  it('says which versions there are where the asked one is not', async () => {
    await open({ version: 9 });
    expect(host.querySelector('[role="alert"]')?.textContent).toContain(
      'flights has the versions 3, 2, 1.'
    );
  });

  it('says so when its version is deleted while it is looked at', async () => {
    await open({ version: 3 });
    const { versions } = sample('dataset') as { versions: object[] };
    server.many = versions.slice(1);
    act(() => server.change('datasets'));
    await wait();
    expect(host.querySelector('[role="alert"]')?.textContent).toContain('the versions 2, 1.');
  });

  it('says why it cannot be read, and reads it again', async () => {
    server.broken = true;
    await open();
    expect(host.querySelector('[role="alert"]')?.textContent).toContain('The index is damaged.');
    server.broken = false;
    act(() => host.querySelector<HTMLElement>('[role="alert"] button')?.click());
    await wait();
    expect(host.querySelector('h1')).not.toBeNull();
  });

  it('keeps what it showed when the server fails later', async () => {
    await open();
    server.broken = true;
    act(() => server.change('datasets'));
    await wait();
    expect(host.querySelector('h1')?.textContent).toBe('flights 3');
    expect(host.querySelector('.jp-MlopsLab-stalebar')).not.toBeNull();
  });
});

describe('the section', () => {
  let server: FakeServer;
  let model: DatasetsModel;
  const actions = {
    open: vi.fn<IDataActions['open']>(),
    insert: vi.fn<IDataActions['insert']>(),
    press: vi.fn<IDataActions['press']>()
  };
  const open = async (): Promise<void> => {
    server = new FakeServer();
    const projects = { key: KEY, live: server.live, changed: new Signal({}) };
    model = new DatasetsModel(projects as unknown as IProjectModel, trans);
    model.active = true;
    draw(<DataSection model={model} folds={new Folds()} actions={actions} />);
    await wait();
  };
  afterEach(() => model.dispose());

  it('is walked through by keys, and unfolds', async () => {
    await open();
    const rows = (): HTMLElement[] => all('[role="treeitem"]');
    act(() => rows()[0].focus());
    press(rows()[0], 'ArrowRight');
    await wait();
    expect(rows()).toHaveLength(6);
    expect(rows()[0].getAttribute('aria-expanded')).toBe('true');
    press(document.activeElement, 'ArrowRight');
    expect(document.activeElement?.getAttribute('data-id')).toBe('flights@3');
    press(document.activeElement, 'End');
    expect(document.activeElement?.getAttribute('data-id')).toBe('terminal-photos');
    press(document.activeElement, 'Home');
    press(document.activeElement, 'ArrowLeft');
    expect(rows()).toHaveLength(3);
  });

  it('says that a newest version is blocked, and opens the latest', async () => {
    await open();
    const weather = host.querySelector<HTMLElement>('[data-id="weather"]')!;
    expect(weather.querySelector('svg[role="img"]')?.getAttribute('aria-label')).toContain(
      'newest version is blocked'
    );
    act(() => weather.click());
    expect(actions.open).toHaveBeenCalledWith('weather', 1);
  });

  it('hands over the line of Python when a row is pressed', async () => {
    await open();
    const flights = host.querySelector('[data-id="flights"]')!;
    act(() => {
      flights.dispatchEvent(new MouseEvent('pointerdown', { bubbles: true }));
    });
    expect(actions.press).toHaveBeenCalledWith(
      expect.anything(),
      'flights = lab.dataset("flights@3").df()',
      'flights 3'
    );
  });

  it('shows of many datasets those that changed lately, and all when asked', async () => {
    await open();
    const [one] = model.datasets!.value!.datasets;
    const datasets = Array.from({ length: 30 }, (_, i) => ({
      ...one,
      name: `part-${i}`,
      updated_at: new Date(Date.UTC(2026, 0, 1 + ((i * 7) % 30))).toISOString()
    }));
    act(() => model.datasets?.set({ datasets }));
    const names = (): string[] => all('[role="treeitem"]').map(row => row.dataset.id ?? '');
    expect(names()).toEqual([4, 8, 12, 16, 17, 21, 25, 29].map(i => `part-${i}`));
    const more = host.querySelector<HTMLElement>('.jp-MlopsLab-more button')!;
    expect(more.textContent).toBe('22 more');
    act(() => more.click());
    expect(names()).toHaveLength(30);
    act(() => more.click());
    expect(names()).toHaveLength(8);
  });

  it('gives the keyboard to what stands in the place of a row that went', async () => {
    await open();
    const versions = Array.from({ length: 20 }, (_, i) => ({
      ...(sample('dataset') as { versions: object[] }).versions[0],
      version: 20 - i
    }));
    server.many = versions;
    act(() => all('[role="treeitem"]')[0].focus());
    press(document.activeElement, 'ArrowRight');
    await wait();
    const older = host.querySelector<HTMLElement>('[data-id="flights@older"]')!;
    act(() => older.focus());
    act(() => older.click());
    expect(document.activeElement?.getAttribute('data-id')).toBe('flights@10');
    server.many = versions.filter(one => one.version !== 10);
    act(() => server.change('datasets'));
    await wait();
    expect(document.activeElement?.getAttribute('data-id')).toBe('flights@9');
  });

  it('does not exist where there is no data', async () => {
    await open();
    act(() => model.datasets?.set({ datasets: [] }));
    expect(host.childElementCount).toBe(0);
  });
});

describe('the commit dialog', () => {
  const ask = (name: string, problem: string | null = null): void =>
    draw(
      <Form
        initial={{ path: 'data/flights.parquet', name }}
        problem={problem}
        form={props => <CommitForm {...props} names={['flights']} trans={trans} />}
        onChange={() => {}}
      />
    );

  it('says whether it makes a version or a dataset', () => {
    ask('flights');
    expect(host.querySelector('[aria-live]')?.textContent).toContain('a new version of flights');
    type(host.querySelector('input')!, 'other');
    expect(host.querySelector('[aria-live]')?.textContent).toContain('Makes the dataset other.');
  });

  it('says why the last try was refused', () => {
    const problem = 'The data changed while it was being committed.';
    ask('flights', problem);
    expect(host.querySelector('[role="alert"]')?.textContent).toBe(problem);
  });
});

describe('a commit under way', () => {
  it('says how many bytes are kept already', () => {
    const metric = (key: string, last: number): unknown => ({ key, n: 1, last, direction: 'max' });
    const run = decode(RunDetail, {
      ...(sample('run_running') as object),
      metrics: [metric('system/bytes', 1.2e9), metric('system/bytes_total', 3.4e9)]
    });
    expect(progressText(run, trans)).toMatch(/^: 1.2.GB of 3.4.GB$/);
    expect(progressText({ ...run, metrics: [] }, trans)).toBe('');
  });
});
