/** No frame is higher on the screen; on paper all of it is there. */
const HIGHEST = 20_000;

const frames: HTMLIFrameElement[] = [];

/** Give a frame the height that it says it has. */
export function fitFrame(frame: HTMLIFrameElement): void {
  frames.push(frame);
}

/** The same of all that are in the page. */
export function fitFrames(page: ParentNode): void {
  page.querySelectorAll('iframe').forEach(fitFrame);
  window.addEventListener('message', event => {
    const frame = frames.find(one => one.contentWindow === event.source);
    const height = frame && heightOf(event.data);
    if (frame && height) {
      // A scroll bar below must not make one beside.
      frame.style.height = `${height + 2}px`;
    }
  });
  // What was there before this listened, what has been drawn since, what is unfolded.
  ask();
  window.addEventListener('mlops-lab:draw', ask);
  page.addEventListener('toggle', ask, true);
}

/** Learn how high the frames are that are folded away: paper unfolds them, and waits for nobody. */
export async function fitFolded(page: HTMLElement): Promise<void> {
  if (page.querySelector('details:not([open]) iframe') === null) {
    return;
  }
  // Laid out, but neither seen nor reached.
  page.classList.add('jp-mod-measured');
  await pause(200);
  ask();
  await pause(200);
  page.classList.remove('jp-mod-measured');
}

function ask(): void {
  frames.forEach(one => one.contentWindow?.postMessage('height', '*'));
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

/** A frame says its height; whatever else it says is not listened to. */
export function heightOf(data: unknown): number | null {
  const height = (data as { mlopsLabHeight?: unknown } | null)?.mlopsLabHeight;
  return typeof height === 'number' && height > 0 ? Math.min(HIGHEST, Math.ceil(height)) : null;
}
