import type { IRouter, JupyterFrontEnd } from '@jupyterlab/application';
import { URLExt } from '@jupyterlab/coreutils';

/** What a link can lead to. */
export type LinkKind = 'run' | 'dataset' | 'model' | 'monitor';

/** The address that opens something in anybody's JupyterLab on this server. */
export function linkTo(baseUrl: string, project: string, kind: LinkKind, what: string): string {
  const place = `${project}/${kind}/${encodeURIComponent(what)}`;
  return URLExt.join(baseUrl, `lab?mlops=${place}`);
}

/**
 * Follow the links `…/lab?mlops=KEY/KIND/WHAT`.
 *
 * JupyterLab's router drops what it knows from the address and keeps the rest.
 */
export function followLinks(
  app: JupyterFrontEnd,
  router: IRouter,
  kind: LinkKind,
  open: (project: string, what: string) => unknown
): void {
  const pattern = linkPattern(kind);
  const follow = async (project: string, what: string): Promise<void> => {
    // The saved layout first: else it would come to lie over what the link shows.
    await app.restored;
    await open(project, what);
    const rest = window.location.search.replace(pattern, '').replace(/^&/, '?');
    window.history.replaceState(null, '', window.location.pathname + rest + window.location.hash);
  };
  const command = `mlops-lab:follow-${kind}-link`;
  app.commands.addCommand(command, {
    execute: args => {
      const search = String(args.search ?? '');
      const found = readLink(search, kind);
      // A reset loads the page again, link and all.
      if (found !== null && !/[?&]reset\b/.test(search)) {
        // Not awaited: the router's commands wait for each other, and the layout for one of them.
        void follow(found.project, found.what);
      }
    }
  });
  router.register({ command, pattern, rank: 20 });
}

/** What a link of a kind leads to; null where the address has none. */
export function readLink(search: string, kind: LinkKind): { project: string; what: string } | null {
  const [, project, what] = linkPattern(kind).exec(search) ?? [];
  try {
    return what === undefined ? null : { project, what: decodeURIComponent(what) };
  } catch {
    return null; // No text was ever encoded so.
  }
}

function linkPattern(kind: LinkKind): RegExp {
  return new RegExp(`[?&]mlops=([0-9a-f]{12})(?:%2F|/)${kind}(?:%2F|/)([^&#/]+)`, 'i');
}
