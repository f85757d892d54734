import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DisposableSet } from '@lumino/disposable';
import { RequestError } from '../../src/api/request';
import { Resource } from '../../src/state/resource';
import type { IResourceOptions } from '../../src/state/resource';
import { FakePage, settle } from './fakes';

describe('Resource', () => {
  let page: FakePage;
  let made: DisposableSet;
  const resourceOf = <T>(options: IResourceOptions<T>): Resource<T> => {
    const resource = new Resource(options);
    made.add(resource);
    return resource;
  };
  beforeEach(() => {
    vi.useFakeTimers();
    page = new FakePage();
    made = new DisposableSet();
  });
  afterEach(() => {
    made.dispose();
    vi.useRealTimers();
  });

  it('reads at once and keeps the old value while it reads again', async () => {
    let next = 1;
    const resource = resourceOf({ load: async () => next++, visibility: page });
    await settle();
    expect(resource.value).toBe(1);
    resource.invalidate();
    expect(resource.value).toBe(1);
    await settle();
    expect(resource.value).toBe(2);
  });

  it('makes one more load of many changes during a load', async () => {
    const answers: ((value: number) => void)[] = [];
    const load = vi.fn(() => new Promise<number>(resolve => answers.push(resolve)));
    const resource = resourceOf({ load, visibility: page });
    resource.invalidate();
    resource.invalidate();
    resource.invalidate();
    answers[0](1);
    await settle();
    expect(load).toHaveBeenCalledTimes(2);
    answers[1](2);
    await settle();
    expect(load).toHaveBeenCalledTimes(2);
    expect(resource.value).toBe(2);
  });

  it('asks nothing while the page is hidden, and once when it is shown again', async () => {
    const load = vi.fn(async () => 1);
    const resource = resourceOf({ load, visibility: page });
    await settle();
    page.show(false);
    resource.invalidate();
    resource.invalidate();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(load).toHaveBeenCalledTimes(1);
    page.show(true);
    await settle();
    expect(load).toHaveBeenCalledTimes(2);
  });

  it('notes changes while nobody looks', async () => {
    const load = vi.fn(async () => 1);
    const resource = resourceOf({ load, visibility: page, active: false });
    resource.invalidate();
    await settle();
    expect(load).not.toHaveBeenCalled();
    resource.active = true;
    await settle();
    expect(load).toHaveBeenCalledTimes(1);
  });

  it('keeps the value beside the error, and asks again by itself', async () => {
    let broken = false;
    const load = vi.fn(async () => {
      if (broken) {
        throw new RequestError(503, { detail: 'busy' });
      }
      return 1;
    });
    const resource = resourceOf({ load, visibility: page });
    await settle();
    broken = true;
    resource.invalidate();
    await settle();
    expect(resource.value).toBe(1);
    expect(resource.error?.message).toBe('busy');
    broken = false;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(resource.error).toBeNull();
    expect(load).toHaveBeenCalledTimes(3);
  });

  it('does not ask again after an error that will not pass', async () => {
    const load = vi.fn(async () => {
      throw new RequestError(404, { detail: 'gone' });
    });
    const resource = resourceOf({ load, visibility: page });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(load).toHaveBeenCalledTimes(1);
    expect(resource.error?.status).toBe(404);
  });
});
