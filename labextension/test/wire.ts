import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** One of the wire samples that the server's tests check too. */
export function sample(name: string): unknown {
  const path = resolve(import.meta.dirname, `../../tests/wire/${name}.json`);
  return JSON.parse(readFileSync(path, 'utf-8'));
}
