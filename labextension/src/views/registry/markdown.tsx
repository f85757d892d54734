import { Fragment } from 'react';
import type { ReactElement, ReactNode } from 'react';

/**
 * The Markdown of model cards as elements: headings, paragraphs, lists, tables, code, emphasis.
 *
 * No HTML and no link or picture is ever made of what somebody wrote: it stands there as text.
 */
export function Markdown({ text }: { text: string }): ReactElement {
  return <div className="jp-MlopsLab-markdown">{blocks(hide(withoutFront(text)))}</div>;
}

/** Where characters wait that a backslash took the meaning from: no text has any business there. */
const HIDDEN = 0xe000;

function hide(text: string): string {
  return text
    .replace(/[\ue000-\ue0ff]/g, '')
    .replace(/\\([!-/:-@[-`{-~])/g, (_, char: string) =>
      String.fromCharCode(HIDDEN + char.charCodeAt(0))
    );
}

/** The characters themselves again; in code they stand with their backslash. */
function shown(text: string, backslash = ''): string {
  return text.replace(
    /[\ue000-\ue0ff]/g,
    char => backslash + String.fromCharCode(char.charCodeAt(0) - HIDDEN)
  );
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };

/** The references that a card writes for characters of HTML are these characters again. */
function words(text: string): string {
  return shown(text.replace(/&(amp|lt|gt|quot);/g, (_, name: string) => ENTITIES[name]));
}

/** A card begins with data for machines. */
function withoutFront(text: string): string {
  return text.replace(/^---\n[^]*?\n---\n/, '');
}

function blocks(text: string): ReactNode[] {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const out: ReactNode[] = [];
  let at = 0;
  const take = (test: (line: string) => boolean): string[] => {
    const from = at;
    while (at < lines.length && test(lines[at])) {
      at += 1;
    }
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at];
    const key = at;
    if (line.trim() === '') {
      at += 1;
    } else if (/^(```|~~~)/.test(line)) {
      at += 1;
      const code = take(one => !/^(```|~~~)/.test(one));
      at += 1;
      out.push(<pre key={key}>{shown(code.join('\n'), '\\')}</pre>);
    } else if (/^#{1,6}\s/.test(line)) {
      at += 1;
      out.push(heading(line, key));
    } else if (isTable(lines, at)) {
      out.push(<Table key={key} rows={take(one => one.includes('|')).map(cells)} />);
    } else if (/^\s*([-*+]|\d+\.)\s/.test(line)) {
      const items = take(one => /^\s*([-*+]|\d+\.)\s/.test(one) || /^\s{2,}\S/.test(one));
      out.push(<List key={key} lines={items} ordered={/^\s*\d/.test(line)} />);
    } else {
      const words = take(one => one.trim() !== '' && !/^(#{1,6}\s|```|~~~)/.test(one));
      out.push(<p key={key}>{inline(words.join(' '))}</p>);
    }
  }
  return out;
}

function heading(line: string, key: number): ReactElement {
  const [, marks, text] = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line) ?? ['', '#', line];
  // The page has its own first heading.
  const Level = `h${Math.min(6, marks.length + 1)}` as 'h2';
  return <Level key={key}>{inline(text)}</Level>;
}

function isTable(lines: readonly string[], at: number): boolean {
  return lines[at].includes('|') && /^\s*\|?\s*:?-{2,}[\s|:-]*$/.test(lines[at + 1] ?? '');
}

function cells(line: string): string[] {
  return line
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|')
    .map(cell => cell.trim());
}

function Table({ rows }: { rows: readonly (readonly string[])[] }): ReactElement {
  const [head, , ...body] = rows;
  return (
    <table className="jp-MlopsLab-reg-facts">
      <thead hidden={head.every(cell => cell === '')}>
        <tr>
          {head.map((cell, i) => (
            <th key={i} scope="col">
              {inline(cell)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {body.map((row, n) => (
          <tr key={n}>
            {head.map((_, i) => (
              <td key={i}>{inline(row[i] ?? '')}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function List(props: { lines: readonly string[]; ordered: boolean }): ReactElement {
  const items: string[] = [];
  for (const line of props.lines) {
    const [, text] = /^\s*(?:[-*+]|\d+\.)\s+(.*)$/.exec(line) ?? [];
    if (text !== undefined) {
      items.push(text);
    } else {
      items[items.length - 1] += ` ${line.trim()}`;
    }
  }
  const Kind = props.ordered ? 'ol' : 'ul';
  return (
    <Kind>
      {items.map((item, i) => (
        <li key={i}>{inline(item)}</li>
      ))}
    </Kind>
  );
}

const INLINE = /(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s][^*]*\*|__[^_]+__|\[[^\]]+\]\([^)]*\))/;

function inline(text: string): ReactNode[] {
  return text.split(INLINE).map((part, i) => {
    if (/^`.+`$/.test(part)) {
      return <code key={i}>{shown(part.slice(1, -1), '\\')}</code>;
    }
    if (/^(\*\*|__).+(\*\*|__)$/.test(part)) {
      return <b key={i}>{words(part.slice(2, -2))}</b>;
    }
    if (/^\*.+\*$/.test(part)) {
      return <i key={i}>{words(part.slice(1, -1))}</i>;
    }
    const link = /^\[([^\]]+)\]\(([^)]*)\)$/.exec(part);
    // Where it leads is shown, not followed.
    return <Fragment key={i}>{words(link ? `${link[1]} (${link[2]})` : part)}</Fragment>;
  });
}
