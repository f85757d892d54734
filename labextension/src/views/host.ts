import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState
} from 'react';
import type { Context } from 'react';
import { useValue } from './hooks';
import type { IModel } from './model';

/** As whom decisions are taken. */
export interface IMe {
  id: string;
  role: string;
  may: readonly string[];
}

/** What the host answers a request with; it carries the request's id. */
export interface IAnswer {
  id: string;
  ok: boolean;
  /** What happened, or why nothing did. */
  sentence: string;
  /** What was asked for, where that is more than a sentence. */
  result?: unknown;
}

/** What a view asks of its host; the verb `hello` only asks whether anybody is there. */
interface IAnyRequest {
  id: string;
  verb: string;
}

/** The part of a view's state by which it talks to its host. */
export interface IHostState<Request extends IAnyRequest, Selection extends object> {
  me: IMe | null;
  /** Which kinds of things the host can open: `run`, `dataset`. */
  opens: readonly string[];
  /** Whether the host can put a line into a notebook. */
  inserts: boolean;
  selection: Selection;
  request: Request | null;
  answer: IAnswer | null;
}

/** A request before it has an id; distributed over the verbs. */
export type Asked<Request> = Request extends IAnyRequest ? Omit<Request, 'id'> : never;

/** The way from a view to its host: choose what is shown, and ask for something to be done. */
export interface IHost<Request extends IAnyRequest, Selection extends object> {
  /** Whether somebody answers: without, nothing is offered that would need it. */
  alive: boolean;
  /** Whether somebody was there when this was shown, and may only be busy. */
  busy: boolean;
  choose(change: Partial<Selection>): void;
  /** Resolves with the host's answer. */
  ask(request: Asked<Request>): Promise<IAnswer>;
  /** Whether the person has a permission, for example `models:edit`. */
  may(permission: string): boolean;
  opens: readonly string[];
  inserts: boolean;
}

/** A view's own context for its host; without one around it, nobody is there. */
export function createHostContext<Request extends IAnyRequest, Selection extends object>(): {
  HostContext: Context<IHost<Request, Selection>>;
  useHost: () => IHost<Request, Selection>;
} {
  const HostContext = createContext<IHost<Request, Selection>>({
    alive: false,
    busy: false,
    choose: () => {},
    ask: () => new Promise(() => {}),
    may: () => false,
    opens: [],
    inserts: false
  });
  return { HostContext, useHost: () => useContext(HostContext) };
}

/**
 * Talk to the host through the model. It counts as alive once it has answered: a saved notebook's
 * never does, and a kernel that is busy does later.
 */
export function useModelHost<Request extends IAnyRequest, Selection extends object>(
  model: IModel<IHostState<Request, Selection>>
): IHost<Request, Selection> {
  const opens = useValue(model, 'opens');
  const inserts = useValue(model, 'inserts');
  const me = useValue(model, 'me');
  const waiting = useRef(new Map<string, (answer: IAnswer) => void>());
  const [alive, setAlive] = useState(false);

  const ask = useCallback(
    (request: Asked<Request>) =>
      new Promise<IAnswer>(resolve => {
        const id = makeId();
        waiting.current.set(id, resolve);
        model.set('request', { ...request, id } as unknown as Request);
        model.save_changes();
      }),
    [model]
  );
  const choose = useCallback(
    (change: Partial<Selection>) => {
      model.set('selection', { ...model.get('selection'), ...change });
      model.save_changes();
    },
    [model]
  );
  useEffect(() => {
    const onAnswer = () => {
      const answer = model.get('answer');
      const resolve = answer && waiting.current.get(answer.id);
      if (answer && resolve) {
        waiting.current.delete(answer.id);
        setAlive(true);
        resolve(answer);
      }
    };
    model.on('change:answer', onAnswer);
    return () => model.off('change:answer', onAnswer);
  }, [model]);
  useEffect(() => {
    void ask({ verb: 'hello' } as unknown as Asked<Request>);
  }, [ask]);
  const may = useCallback(
    (permission: string) => alive && me !== null && me.may.includes(permission),
    [alive, me]
  );
  return useMemo(
    // What is saved does not say who looked at it.
    () => ({ alive, busy: !alive && me !== null, choose, ask, may, opens, inserts }),
    [alive, me, choose, ask, may, opens, inserts]
  );
}

function makeId(): string {
  // Not crypto.randomUUID: a page that came by plain HTTP has none.
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), byte =>
    byte.toString(16).padStart(2, '0')
  ).join('');
}
