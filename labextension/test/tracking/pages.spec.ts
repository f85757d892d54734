import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { decode, RequestError } from '../../src/api/request';
import type { IRunRow, IRuns } from '../../src/api/types';
import { RunRow } from '../../src/api/types';
import type { IPageStart } from '../../src/tracking/pages';
import { PAGE, RunPages } from '../../src/tracking/pages';
import { FakePage, settle } from '../state/fakes';
import { sample } from '../wire';

const ROW = decode(RunRow, sample('run_row'));

/** A server with so many runs, newest first. */
class FakeRuns {
  ids: string[];
  asked: IPageStart[] = [];
  broken = false;

  constructor(count: number) {
    this.ids = Array.from({ length: count }, (_, index) => `run-${index}`);
  }

  load = async (start: IPageStart): Promise<IRuns> => {
    this.asked.push(start);
    if (this.broken) {
      throw new RequestError(503, { detail: 'busy' });
    }
    const from =
      start.cursor !== undefined ? this.ids.indexOf(start.cursor) + 1 : (start.offset ?? 0);
    const runs = this.ids.slice(from, from + start.limit).map((id): IRunRow => ({ ...ROW, id }));
    const more = from + start.limit < this.ids.length;
    return {
      runs,
      next_cursor: more ? runs[runs.length - 1].id : null,
      total: this.ids.length,
      all: this.ids.length,
      age_s: 0,
      goal: null,
      hint: null
    };
  };
}

describe('RunPages', () => {
  let page: FakePage;
  beforeEach(() => {
    vi.useFakeTimers();
    page = new FakePage();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const open = async (server: FakeRuns): Promise<RunPages> => {
    const pages = new RunPages({ load: server.load, visibility: page });
    pages.show(0, 15);
    await settle();
    return pages;
  };

  it('opens ten thousand runs with one request', async () => {
    const server = new FakeRuns(10_000);
    const pages = await open(server);
    expect(server.asked).toEqual([{ limit: PAGE }]);
    expect(pages.total).toBe(10_000);
    expect(pages.at(14)?.id).toBe('run-14');
    expect(pages.at(PAGE)).toBeUndefined();
  });

  it('goes on by cursor, and jumps by offset', async () => {
    const server = new FakeRuns(10_000);
    const pages = await open(server);
    pages.show(PAGE - 5, PAGE + 10);
    await settle();
    expect(server.asked[1]).toEqual({ limit: PAGE, cursor: `run-${PAGE - 1}` });
    pages.show(5_000, 5_015);
    await settle();
    expect(pages.at(5_000)?.id).toBe('run-5000');
    expect(pages.indexOf('run-5000')).toBe(5_000);
    expect(server.asked).toHaveLength(3);
  });

  it('reads only what is shown again after a change', async () => {
    const server = new FakeRuns(10_000);
    const pages = await open(server);
    pages.show(PAGE, PAGE + 10);
    await settle();
    server.asked = [];
    pages.invalidate();
    await settle();
    expect(server.asked).toHaveLength(1);
    pages.show(0, 10);
    await settle();
    expect(server.asked).toHaveLength(2);
  });

  it('shows a new run, but not under the pointer', async () => {
    const server = new FakeRuns(5);
    const pages = await open(server);
    server.ids.unshift('new');
    pages.hold(true);
    pages.invalidate();
    await settle();
    expect(pages.at(0)?.id).toBe('run-0');
    pages.hold(false);
    expect(pages.at(0)?.id).toBe('new');
    expect(pages.at(5)?.id).toBe('run-4');
  });

  it('takes out what was deleted at once, even under the pointer', async () => {
    const server = new FakeRuns(5);
    const pages = await open(server);
    pages.hold(true);
    pages.remove(new Set(['run-1']));
    expect(pages.total).toBe(4);
    expect(pages.at(1)?.id).toBe('run-2');
  });

  it('sees the first run of an empty project', async () => {
    const server = new FakeRuns(0);
    const pages = await open(server);
    expect(pages.total).toBe(0);
    server.ids.push('first');
    pages.invalidate();
    await settle();
    expect(pages.at(0)?.id).toBe('first');
  });

  it('keeps the rows when the server fails, and says how old they are', async () => {
    const server = new FakeRuns(5);
    const pages = await open(server);
    server.broken = true;
    pages.invalidate();
    await settle();
    expect(pages.at(0)?.id).toBe('run-0');
    expect(pages.behind).toBe(true);
    server.broken = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(pages.behind).toBe(false);
  });

  it('asks nothing while hidden or folded', async () => {
    const server = new FakeRuns(5);
    const pages = await open(server);
    page.show(false);
    pages.invalidate();
    await settle();
    page.visible = true;
    pages.active = false;
    pages.invalidate();
    await settle();
    expect(server.asked).toHaveLength(1);
    pages.active = true;
    await settle();
    expect(server.asked).toHaveLength(2);
  });

  it('keeps a sparkline that a command does not answer', async () => {
    const server = new FakeRuns(2);
    const pages = await open(server);
    pages.put({ ...ROW, id: 'run-1', name: 'renamed', sparkline: null });
    expect(pages.at(1)?.name).toBe('renamed');
    expect(pages.at(1)?.sparkline).not.toBeNull();
  });
});
