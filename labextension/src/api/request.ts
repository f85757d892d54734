import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import * as v from 'valibot';

/** Where our REST interface lives, below the server's base URL. */
export const API = 'mlops-lab/api/v1';

/** What a problem document (RFC 9457) or Jupyter's own `{message}` says about an error. */
const Problem = v.looseObject({
  title: v.optional(v.string()),
  detail: v.nullish(v.string()),
  code: v.optional(v.string()),
  /** One sentence, where `detail` also draws the place. */
  reason: v.nullish(v.string()),
  message: v.nullish(v.string()),
  position: v.optional(v.number()),
  length: v.optional(v.number()),
  suggestion: v.nullish(v.string())
});
type IProblem = v.InferOutput<typeof Problem>;

/** Why a request was not answered as asked. Status 0: the server did not answer at all. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    readonly problem: IProblem
  ) {
    super(problem.detail || problem.message || problem.title || `HTTP ${status}`);
    this.name = 'RequestError';
  }

  /** The stable, machine-readable name of the problem, for example `invalid-input`. */
  get code(): string {
    return this.problem.code ?? '';
  }

  /** Whether asking again may help: no answer, a busy store, a gateway. */
  get transient(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 502;
  }
}

export interface IRequestInit {
  method?: string;
  /** Sent as JSON. */
  body?: unknown;
  /** Added to the address; null and undefined are left out. */
  query?: Record<string, string | number | boolean | null | undefined>;
  signal?: AbortSignal;
}

/** Call one of our endpoints below `mlops-lab/api/v1`; throws RequestError and nothing else. */
export async function request(
  path: string,
  settings: ServerConnection.ISettings,
  init: IRequestInit = {}
): Promise<Response> {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(init.query ?? {})) {
    if (value !== null && value !== undefined) {
      query.set(key, String(value));
    }
  }
  const search = query.size > 0 ? `?${query}` : '';
  let response: Response;
  try {
    response = await ServerConnection.makeRequest(
      URLExt.join(settings.baseUrl, API, path) + search,
      {
        method: init.method ?? 'GET',
        body: init.body === undefined ? undefined : JSON.stringify(init.body),
        signal: init.signal
      },
      settings
    );
  } catch (error) {
    if (init.signal?.aborted) {
      throw error;
    }
    throw new RequestError(0, { title: 'The server does not answer' });
  }
  if (!response.ok) {
    throw new RequestError(response.status, await readProblem(response));
  }
  return response;
}

/** Call an endpoint and decode its JSON by `schema`. */
export async function requestJSON<S extends v.GenericSchema>(
  schema: S,
  path: string,
  settings: ServerConnection.ISettings,
  init: IRequestInit = {}
): Promise<v.InferOutput<S>> {
  const response = await request(path, settings, init);
  let body: unknown;
  try {
    body = await response.json();
  } catch {
    throw new RequestError(response.status, { title: 'The answer is not JSON' });
  }
  return decode(schema, body);
}

/** Decode what came over the wire; a body of another shape is an error that names the place. */
export function decode<S extends v.GenericSchema>(schema: S, body: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, body);
  if (!result.success) {
    const issue = result.issues[0];
    const place = v.getDotPath(issue) ?? 'the answer';
    throw new RequestError(200, {
      title: 'The answer has another shape than expected',
      detail: `The server's answer is not understood: ${place}: ${issue.message}`,
      code: 'undecodable'
    });
  }
  return result.output;
}

async function readProblem(response: Response): Promise<IProblem> {
  const text = await response.text();
  try {
    return v.parse(Problem, JSON.parse(text));
  } catch {
    // A proxy's page or plain text: the status line says more than its markup.
    return { title: `${response.status} ${response.statusText}` };
  }
}
