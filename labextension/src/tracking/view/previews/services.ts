import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { createContext, useContext, useEffect, useState } from 'react';
import type { ProjectClient } from '../../../api/client';
import type { RequestError } from '../../../api/request';
import { asRequestError } from '../../../state/resource';

/** What previews need of their host. */
export interface IServices {
  client: ProjectClient;
  rendermime: IRenderMimeRegistry;
}

export const ServicesContext = createContext<IServices | null>(null);

/** The host's services; previews are only ever drawn inside one. */
export function useServices(): IServices {
  const services = useContext(ServicesContext);
  if (services === null) {
    throw new Error('A preview needs its services.');
  }
  return services;
}

export type Loaded<T> =
  | { state: 'loading' }
  | { state: 'ready'; value: T }
  | { state: 'failed'; error: RequestError; retry: () => void };

/** What `load` answers, asked again when `key` changes; late answers to older keys drop out. */
export function useLoaded<T>(key: string, load: () => Promise<T>): Loaded<T> {
  const [attempt, setAttempt] = useState(0);
  const [answer, setAnswer] = useState<{ key: string; loaded: Loaded<T> } | null>(null);
  useEffect(() => {
    let gone = false;
    const settle = (loaded: Loaded<T>) => gone || setAnswer({ key, loaded });
    load().then(
      value => settle({ state: 'ready', value }),
      (reason: unknown) => {
        const retry = () => {
          setAnswer(null);
          setAttempt(attempt + 1);
        };
        settle({ state: 'failed', error: asRequestError(reason), retry });
      }
    );
    return () => {
      gone = true;
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `key` says what `load` depends on
  }, [key, attempt]);
  return answer?.key === key ? answer.loaded : { state: 'loading' };
}
