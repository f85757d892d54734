import { ServerConnection } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import { ProjectClient } from '../../src/api/client';
import { LiveProject } from '../../src/state/live';
import type { IProjectModel } from '../../src/state/project';
import { FakePage } from '../state/fakes';
import { sample } from '../wire';

export const KEY = '5f0c2a9d41be';
export const RUN = '5d0c7be2a94f41c38e6f1b2a7d90c3e4';
export const OLDER = '0f3e9a1c7d5b42e8b6a4c2d1e0f98765';
export const ALERT = '3f0a9c2e71b84d65a0d7e4c1829b3f56';

/** A server with the samples' monitors, which notes what it is asked. */
export class FakeServer {
  asked: { method: string; path: string; query: string; body: unknown }[] = [];
  /** What it answers, by method and path; a number refuses with that status. */
  answers: Record<string, unknown> = {
    'GET me': sample('me'),
    'GET monitors': sample('monitors'),
    'GET monitors/delay': sample('monitor'),
    'GET monitors/delay/evaluation': sample('evaluation'),
    'POST monitors/delay/check': sample('monitor_check_started'),
    'POST monitors/delay/window': sample('monitor_window'),
    'GET alerts': sample('alerts'),
    [`GET alerts/${ALERT}`]: sample('alert'),
    [`POST alerts/${ALERT}/acknowledge`]: sample('alert_row'),
    [`POST alerts/${ALERT}/mute`]: sample('alert_row')
  };

  readonly page = new FakePage();
  readonly live = new LiveProject(
    new ProjectClient(
      KEY,
      ServerConnection.makeSettings({
        baseUrl: 'http://lab/',
        appendToken: false,
        fetch: async (request: RequestInfo | URL) => this._answer(request as Request)
      })
    ),
    this.page
  );

  /** A project model that shows this project. */
  readonly projects = {
    key: KEY,
    live: this.live,
    of: () => this.live,
    changed: new Signal<object, void>(this)
  } as unknown as IProjectModel;

  /** How often it was asked for something. */
  count(method: string, path: string): number {
    return this.asked.filter(one => one.method === method && one.path === path).length;
  }

  /** What the server would say of a change. */
  change(kind: string, ids: string[] = []): void {
    this.live.receive({ project: KEY, kind, ids, seq: 1 });
  }

  private async _answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const path = decodeURIComponent(pathname.replace(/^.*\/projects\/\w+\//, ''));
    const text = await request.text();
    const { method } = request;
    this.asked.push({ method, path, query: search, body: text === '' ? null : JSON.parse(text) });
    const answer = this.answers[`${method} ${path}`] ?? 404;
    return typeof answer === 'number'
      ? new Response(JSON.stringify({ detail: 'It is refused.' }), { status: answer })
      : new Response(JSON.stringify(answer), { status: 200 });
  }
}

/** Let a request and what follows from it happen. */
export async function answered(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise(resolve => setTimeout(resolve));
  }
}
