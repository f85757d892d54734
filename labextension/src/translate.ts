import type { TranslationBundle } from '@jupyterlab/translation';
import type { Translate } from './views/text';

/** What a view says, in the language of the person. */
export function translateBy(trans: TranslationBundle): Translate {
  // eslint-disable-next-line jupyter/no-dynamic-translation -- the views hold the literals
  return (text, ...values) => trans.__(text, ...values);
}
