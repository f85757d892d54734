import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const read = (name: string) =>
  readFileSync(resolve(import.meta.dirname, `../../style/${name}.css`), 'utf-8');

/** The variables of the rule that a file has for a selector. */
function variables(css: string, selector: string): Record<string, string> {
  const from = css.indexOf('{', css.indexOf(selector));
  const rule = css.slice(from, css.indexOf('\n}', from));
  return Object.fromEntries(
    [...rule.matchAll(/(--jp-mlops-[\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [name, value])
  );
}

describe('the colours for pages without a theme', () => {
  it('are those of the light and the dark theme', () => {
    const tokens = read('tokens');
    const light = variables(tokens, "body[data-jp-theme-light='true']");
    const dark = variables(tokens, "body[data-jp-theme-light='false']");
    const fallback = variables(read('fallback'), 'body:not');
    expect(Object.keys(fallback).length).toBeGreaterThan(30);
    for (const [name, value] of Object.entries(fallback)) {
      const own =
        light[name] === dark[name] ? light[name] : `light-dark(${light[name]}, ${dark[name]})`;
      expect(`${name}: ${value}`).toBe(`${name}: ${own}`);
    }
  });

  it('are there for every variable that the view uses', () => {
    const fallback = read('fallback');
    const used = ['base', 'lineage', 'registry', 'drift', 'drift-parts'].flatMap(name => [
      ...read(name).matchAll(/var\((--jp-mlops-[\w-]+)\)/g)
    ]);
    const missing = new Set(
      used.map(([, name]) => name).filter(name => !fallback.includes(`${name}:`))
    );
    expect([...missing].filter(name => !/toast|pip/.test(name))).toEqual([]);
  });
});
