/**
 * A contents path as seen from the project's folder; null when it lies outside.
 *
 * `path` is the project's folder for the contents manager, null when it lies above the server's
 * root; then the two directories tell how far.
 */
export function pathInProject(
  contents: string,
  path: string | null,
  directory: string,
  serverRoot: string
): string | null {
  const file = contents.slice(contents.indexOf(':') + 1); // A drive's name is not part of it.
  if (path !== null) {
    return path === '' ? file : file.startsWith(`${path}/`) ? file.slice(path.length + 1) : null;
  }
  const root = serverRoot.replace(/\/+$/, '');
  return root.startsWith(`${directory}/`) ? `${root.slice(directory.length + 1)}/${file}` : null;
}
