/*
 * The programs of a report stand in it as text: deflated, in base64. Each is started once, when the
 * first thing needs it, as an inline script: the page's policy knows it by its hash, and no other.
 */
const waiting = new Map<string, (value: unknown) => void>();
const started = new Map<string, Promise<unknown>>();

/** Called by a program of the page, with what it exports. */
export function add(name: string, value: unknown): void {
  waiting.get(name)?.(value);
  waiting.delete(name);
}

/** What a program of the page exports; it is started with the first call. */
export function load<T>(name: string): Promise<T> {
  let found = started.get(name);
  if (found === undefined) {
    found = start(name);
    started.set(name, found);
  }
  return found as Promise<T>;
}

/** The text of a program of the page, for a frame in which it runs. */
export function textOf(name: string): Promise<string> {
  const packed = document.getElementById(`code-${name}`)?.textContent;
  if (!packed) {
    throw new Error(`The report was made without ${name}.`);
  }
  return unpack(packed);
}

async function start(name: string): Promise<unknown> {
  const source = await textOf(name);
  return new Promise((resolve, reject) => {
    waiting.set(name, resolve);
    const script = document.createElement('script');
    script.textContent = source;
    // It runs here and now, or never.
    document.head.append(script);
    script.remove();
    if (waiting.delete(name)) {
      reject(new Error(`${name} could not be started in this browser.`));
    }
  });
}

/** Text that was deflated, in base64. */
export async function unpack(packed: string): Promise<string> {
  const bytes = Uint8Array.from(atob(packed), char => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Response(stream).text();
}

/** The data that an item of the page has kept under an id. */
export function dataOf(id: string): string {
  const found = document.getElementById(`${id}-data`)?.textContent;
  if (!found) {
    throw new Error('Its data is not in the report.');
  }
  return found;
}
