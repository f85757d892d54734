import type { IModelRow } from '../api/registry';
import { pythonString } from '../notebook/python';

/** The version that a person most likely means: the champion, else what has an alias, else the newest. */
export function usualRef({ name, aliases, latest }: IModelRow): string | null {
  const alias = aliases.find(one => one.alias === 'champion') ?? aliases[0];
  return alias !== undefined
    ? aliasRef(name, alias.alias)
    : latest === null
      ? null
      : `${name}@${latest}`;
}

export function aliasRef(name: string, alias: string): string {
  return `${name}@${alias}`;
}

/** `model = lab.model("flight-delay@champion").load()` */
export function loadLine(ref: string): string {
  return `model = lab.model(${pythonString(ref)}).load()`;
}
