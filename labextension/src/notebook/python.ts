/** Lines of Python that we write for people, from names that anybody may have chosen. */

/** The import that our lines need. */
export const IMPORT = 'import mlops_lab as lab';

/** What a variable must not be called: keywords, our own name, and builtins that one would miss. */
const TAKEN = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except ' +
    'finally for from global if import in is lambda nonlocal not or pass raise return try while ' +
    'with yield match case type lab all any bool bytes dict dir display file filter float format ' +
    'hash help id input int iter len list map max min next object open print property range repr ' +
    'reversed round set slice sorted str sum super tuple vars zip'
  ).split(' ')
);

/** Characters that are not seen, or that turn the text around them, stand in a string as escapes. */
const UNSEEN =
  /[\u007f-\u00a0\u00ad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** A string literal of Python that means `text`, whatever is in it. */
export function pythonString(text: string): string {
  return JSON.stringify(text).replace(
    UNSEEN,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  );
}

/** A variable's name made of `name`; `other` where nothing of it can be one. */
export function pythonIdentifier(name: string, other: string): string {
  const words = name
    .normalize('NFKC')
    .replace(/[^\p{ID_Continue}]+/gu, '_')
    .replace(/^_+|_+$/g, '');
  if (words === '') {
    return other;
  }
  const begun = /^\p{ID_Start}/u.test(words) ? words : `${other}_${words}`;
  return TAKEN.has(begun) ? `${begun}_` : begun;
}

/** Whether a cell's source has our import, alone or among others. */
export function importsLab(source: string): boolean {
  return /^[ \t]*import\s(?:[^\n#]*,)?\s*mlops_lab\s+as\s+lab\b/m.test(source);
}

/** The lines with our import before them, unless one of the notebook's cells has it. */
export function withImport(lines: string, cells: Iterable<string>): string {
  for (const cell of cells) {
    if (importsLab(cell)) {
      return lines;
    }
  }
  return `${IMPORT}\n\n${lines}`;
}
