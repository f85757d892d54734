import type { ReactElement } from 'react';

const TOKEN =
  /(?<k>\b(?:import|as|with|for|in|def|return|from)\b)|(?<s>"[^"]*")|(?<n>\b\d+(?:\.\d+)?\b)|(?<d>(?<=\.)\w+)|(?<c>#.*)/g;

/** A few lines of Python, coloured as in an editor. */
export function Code({ children }: { children: string }): ReactElement {
  const parts: (ReactElement | string)[] = [];
  let end = 0;
  for (const match of children.matchAll(TOKEN)) {
    const [kind] = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined)!;
    parts.push(children.slice(end, match.index));
    parts.push(
      <span key={match.index} className={`jp-mod-${kind}`}>
        {match[0]}
      </span>
    );
    end = match.index + match[0].length;
  }
  parts.push(children.slice(end));
  return <pre className="jp-MlopsLab-code">{parts}</pre>;
}
