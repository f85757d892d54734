import type { IAnswer } from './views/host';
import type { IModel } from './views/model';
import { asRequestError } from './state/resource';

/** What came of a request: a sentence, or a sentence with what was asked for. */
export type Answered = string | { sentence: string; result: unknown };

/** Answer what a view asks, one request after the other; returns how to stop. */
export function answerWith<R extends { id: string }>(
  view: IModel<{ request: R | null; answer: IAnswer | null }>,
  act: (request: R) => Promise<Answered>
): () => void {
  const answer = async (request: R): Promise<void> => {
    const { id } = request;
    try {
      const came = await act(request);
      view.set('answer', {
        id,
        ok: true,
        ...(typeof came === 'string' ? { sentence: came } : came)
      });
    } catch (error) {
      view.set('answer', { id, ok: false, sentence: asRequestError(error).message });
    }
  };
  const onRequest = (): void => {
    const request = view.get('request');
    if (request !== null) {
      void answer(request);
    }
  };
  view.on('change:request', onRequest);
  return () => view.off('change:request', onRequest);
}
