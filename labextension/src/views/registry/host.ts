import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState
} from 'react';
import { useValue } from '../hooks';
import type { IModel } from '../model';
import type { IAnswer, IRegistryState, IRequest, ISelection } from './state';

type Model = IModel<IRegistryState>;
type Asked = IRequest extends infer R ? (R extends { id: string } ? Omit<R, 'id'> : never) : never;

/** The way from the view to its host: choose what is shown, and ask for something to be done. */
export interface IHost {
  /** Whether somebody answers: without, nothing is offered that would need it. */
  alive: boolean;
  /** Whether somebody was there when this was shown, and may only be busy. */
  busy: boolean;
  choose(change: Partial<ISelection>): void;
  /** Resolves with the host's answer. */
  ask(request: Asked): Promise<IAnswer>;
  /** Whether the person has a permission, for example `models:edit`. */
  may(permission: string): boolean;
  opens: readonly string[];
  inserts: boolean;
}

const nobody: IHost = {
  alive: false,
  busy: false,
  choose: () => {},
  ask: () => new Promise(() => {}),
  may: () => false,
  opens: [],
  inserts: false
};

export const HostContext = createContext<IHost>(nobody);

export function useHost(): IHost {
  return useContext(HostContext);
}

/**
 * Talk to the host through the model. It counts as alive once it has answered: a saved notebook's
 * never does, and a kernel that is busy does later.
 */
export function useModelHost(model: Model): IHost {
  const opens = useValue(model, 'opens');
  const inserts = useValue(model, 'inserts');
  const me = useValue(model, 'me');
  const waiting = useRef(new Map<string, (answer: IAnswer) => void>());
  const [alive, setAlive] = useState(false);

  const ask = useCallback(
    (request: Asked) =>
      new Promise<IAnswer>(resolve => {
        const id = makeId();
        waiting.current.set(id, resolve);
        model.set('request', { ...request, id } as IRequest);
        model.save_changes();
      }),
    [model]
  );
  const choose = useCallback(
    (change: Partial<ISelection>) => {
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
    void ask({ verb: 'hello' });
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
