/** What the search box needs to know of the expression language; the server parses it. */

export interface IToken {
  text: string;
  kind: 'keyword' | 'text' | 'number' | 'operator' | 'name' | 'space';
}

const TOKEN =
  /(?<space>\s+)|(?<text>'(?:[^']|'')*'?)|(?<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?(?:ms|[smhdw])?\b)|(?<keyword>\b(?:and|or|not|like|in|between|is|null|true|false|now)\b)|(?<operator>[<>!=]=?|[-+*/(),])|(?<name>`[^`]*`?|[^\s'<>!=+*/(),-]+|.)/giu;

/** Cut an expression into coloured pieces; joined they are the text again, however wrong it is. */
export function tokenize(text: string): IToken[] {
  return [...text.matchAll(TOKEN)].map(match => {
    const [kind] = Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined)!;
    return { text: match[0], kind: kind as IToken['kind'] };
  });
}

/**
 * The search as an expression.
 *
 * A word or two that are no expression are looked for in the names of runs. Null: the beginning of a
 * name such as `params.`, with which nothing can be found yet.
 */
export function toWhere(text: string): string | null {
  const trimmed = text.trim();
  if (trimmed === '') {
    return '';
  }
  const plain = tokenize(trimmed).every(
    ({ kind, text: piece }) => kind === 'name' || kind === 'space' || /^\d+$|^-$/.test(piece)
  );
  if (!plain || trimmed.includes('`')) {
    return trimmed;
  }
  if (/^(params|tags|metrics)\.\S*$/i.test(trimmed)) {
    return null;
  }
  return `name like '%${trimmed.replaceAll("'", "''")}%'`;
}
