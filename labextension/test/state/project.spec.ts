import type { Event } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LabClient, ProjectClient } from '../../src/api/client';
import type { IProjects } from '../../src/api/types';
import { CHANGED, Projects } from '../../src/api/types';
import { decode } from '../../src/api/request';
import type { IChange } from '../../src/state/live';
import { ProjectModel } from '../../src/state/project';
import { sample } from '../wire';
import { FakePage, settle } from './fakes';

describe('ProjectModel', () => {
  let page: FakePage;
  let events: Signal<object, Event.Emission>;
  let answer: IProjects;
  const projects = vi.fn(async (_near: string) => answer);
  const watch = vi.fn(async () => {});
  let model: ProjectModel;

  beforeEach(() => {
    vi.useFakeTimers();
    projects.mockClear();
    watch.mockReset().mockImplementation(async () => {});
    page = new FakePage();
    events = new Signal({});
    answer = decode(Projects, sample('projects'));
    const client = {
      projects,
      of: (key: string) => ({ key, watch }) as unknown as ProjectClient
    } as unknown as LabClient;
    model = new ProjectModel({ client, events, visibility: page });
  });
  afterEach(() => {
    model.dispose();
    vi.useRealTimers();
  });

  const emit = (seq: number, ids: string[], project = model.key): void =>
    events.emit({ schema_id: CHANGED, project, kind: 'runs', ids, seq } as Event.Emission);

  it('follows the folder of the current path, and asks once per folder', async () => {
    model.follow('work/flight-delay/a.ipynb');
    model.follow('work/flight-delay/b.ipynb');
    await settle();
    expect(projects).toHaveBeenCalledTimes(1);
    expect(model.project?.name).toBe('flight-delay');
    model.follow('work/other/a.ipynb');
    expect(projects).toHaveBeenCalledTimes(2);
  });

  it('keeps a chosen project until another folder is followed', async () => {
    model.follow('work/flight-delay/a.ipynb');
    await settle();
    model.choose('9a8b7c6d5e4f');
    await settle();
    model.follow('work/flight-delay/b.ipynb');
    expect(model.project?.name).toBe('team');
    model.follow('work/a.ipynb');
    await settle();
    expect(model.project?.name).toBe('flight-delay');
  });

  it('looks again while there is no project, and only while the page is visible', async () => {
    answer = { projects: [], current: null };
    model.follow('a.ipynb');
    await settle();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(projects).toHaveBeenCalledTimes(2);
    page.show(false);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(projects).toHaveBeenCalledTimes(2);
    page.show(true);
    answer = decode(Projects, sample('projects'));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(model.key).toBe('5f0c2a9d41be');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(projects).toHaveBeenCalledTimes(3);
  });

  it('hands changes to their project, and reloads after a gap or a new server', async () => {
    model.follow('work/flight-delay/a.ipynb');
    await settle();
    const seen: IChange[] = [];
    model.live!.changed.connect((_, change) => seen.push(change));
    emit(41, ['a']);
    emit(42, ['b'], 'somebodyelse');
    emit(43, ['c']);
    expect(seen.map(change => change.ids)).toEqual([['a'], ['c']]);
    emit(45, ['d']);
    emit(1, ['e']);
    emit(2, []);
    expect(seen.slice(2).map(change => change.ids)).toEqual([null, null, null]);
  });

  it('renews the watch every 30 s while somebody holds the project and the page is visible', async () => {
    model.follow('work/flight-delay/a.ipynb');
    await settle();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(watch).not.toHaveBeenCalled();
    const hold = model.live!.hold();
    await vi.advanceTimersByTimeAsync(61_000);
    expect(watch).toHaveBeenCalledTimes(2);
    page.show(false);
    await vi.advanceTimersByTimeAsync(300_000);
    expect(watch).toHaveBeenCalledTimes(2);
    const seen: IChange[] = [];
    model.live!.changed.connect((_, change) => seen.push(change));
    page.show(true);
    expect(seen).toEqual([{ kind: 'runs', ids: null }]);
    hold.dispose();
    await vi.advanceTimersByTimeAsync(300_000);
    expect(watch).toHaveBeenCalledTimes(3);
  });

  it('reads everything again once a lost server answers', async () => {
    model.follow('work/flight-delay/a.ipynb');
    await settle();
    model.live!.hold();
    const seen: IChange[] = [];
    model.live!.changed.connect((_, change) => seen.push(change));
    watch.mockRejectedValueOnce(new Error('gone'));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(seen).toEqual([]);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(seen).toEqual([{ kind: 'runs', ids: null }]);
  });
});
