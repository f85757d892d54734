import { useEffect, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import { useText } from '../../../views/text';
import type { IOwned } from '../facts';

/** A picture of pixels; the bytes become what the record says, whatever the server calls them. */
export function Picture({ blob, one }: { blob: Blob; one: IOwned }): ReactElement {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    const typed = new Blob([blob], { type: one.artifact.media_type ?? 'image/png' });
    const made = URL.createObjectURL(typed);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob, one.artifact.media_type]);
  return (
    <div className="jp-MlopsLab-picture">
      {url !== null && <img src={url} alt={one.artifact.path} />}
    </div>
  );
}

/**
 * Nothing leaves a page that a run has kept: no request, no form, no navigation of its own. Scripts
 * run, in an origin of their own that can reach neither JupyterLab nor its cookies.
 */
const POLICY =
  "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; " +
  "style-src 'unsafe-inline' data:; img-src data: blob:; font-src data:; media-src data: blob:; " +
  "form-action 'none'; base-uri 'none'";

/** HTML or SVG, which may hold scripts: only ever inside a sandbox without our origin. */
export function Page({ source, one }: { source: string; one: IOwned }): ReactElement {
  const t = useText();
  const frame = useRef<HTMLIFrameElement>(null);
  return (
    <iframe
      ref={frame}
      className="jp-MlopsLab-page"
      title={t('%1, in a sandbox', one.artifact.path)}
      sandbox="allow-scripts"
      referrerPolicy="no-referrer"
      srcDoc={sandboxed(source, one.artifact.media_type === 'image/svg+xml')}
    />
  );
}

/** The page with our policy in front of whatever it holds. */
export function sandboxed(source: string, svg: boolean): string {
  const policy = `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`;
  const style = svg ? '<style>html,body{margin:0}svg{max-width:100%;height:auto}</style>' : '';
  // A prolog or doctype further down is ignored by the parser; the policy must come first.
  const body = svg ? source.replace(/^\s*<\?xml[^>]*\?>/, '') : source;
  return `<!doctype html><meta charset="utf-8">${policy}${style}${body}`;
}
