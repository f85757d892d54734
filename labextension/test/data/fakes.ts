import { ServerConnection } from '@jupyterlab/services';
import { ProjectClient } from '../../src/api/client';
import { LiveProject } from '../../src/state/live';
import { FakePage } from '../state/fakes';
import { sample } from '../wire';

export const KEY = '0123456789ab';

interface IVersions {
  dataset: unknown;
  versions: { version: number }[];
}

/** A server with the samples' datasets, which notes what it is asked. */
export class FakeServer {
  asked: string[] = [];
  broken = false;
  /** Versions of `flights` in place of the sample's. */
  many: object[] | null = null;

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

  /** What the server would say of a change. */
  change(kind: string, ids: string[] = []): void {
    this.live.receive({ project: KEY, kind, ids, seq: 1 });
  }

  private async _answer({ url }: Request): Promise<Response> {
    const { pathname, search } = new URL(url);
    const path = decodeURIComponent(pathname.replace(/^.*\/projects\/\w+\//, ''));
    const query = new URLSearchParams(search);
    const [against, key] = [query.get('against'), query.get('key')];
    this.asked.push(against === null ? path : `${path} ${against} ${key ?? ''}`.trim());
    if (this.broken) {
      return json({ detail: 'The index is damaged.', code: 'corrupt' }, 500);
    }
    const body = answerTo(path, this.many);
    return body === null ? json({ detail: `No ${path}.`, code: 'not-found' }, 404) : json(body);
  }
}

function answerTo(path: string, many: object[] | null): unknown {
  const page = sample('dataset') as IVersions;
  const versions = (many as IVersions['versions'] | null) ?? page.versions;
  const [, number] = /^datasets\/flights\/versions\/(\d+)$/.exec(path) ?? [];
  const row = versions.find(one => String(one.version) === number);
  if (row !== undefined) {
    return { ...(sample('dataset_version') as object), ...row };
  }
  switch (path) {
    case 'datasets':
      return sample('datasets');
    case 'datasets/flights':
      return { dataset: page.dataset, versions };
    case 'datasets/flights/versions/3/diff':
      return sample('dataset_diff');
    case 'lineage':
      return sample('lineage');
    default:
      return null;
  }
}

function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status });
}

/** Let a request and what follows from it happen. */
export async function answered(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise(resolve => setTimeout(resolve));
  }
}
