import { createContext, useContext } from 'react';

/** Say something in the person's language; `%1`, `%2` … stand for the arguments. */
export type Translate = (text: string, ...values: (string | number)[]) => string;

/** Views also live where nobody translates. */
export const plain: Translate = (text, ...values) =>
  text.replace(/%(\d)/g, (whole, n: string) => String(values[Number(n) - 1] ?? whole));

export const TextContext = createContext<Translate>(plain);

export function useText(): Translate {
  return useContext(TextContext);
}
