import { add } from './code';
import { draw } from './draw';
import { fitFolded, fitFrames } from './frames';
import { followPrinting } from './paper';
import { enhanceTables } from './tables';

// The host of views in a report: it finds programs and states in the page itself, and starts what
// the reader comes near to; the rest follows while nothing else happens, so that all can be printed.

declare global {
  interface Window {
    mlopsLabReport: { add: typeof add };
  }
}

window.mlopsLabReport = { add };

const places = new Set(
  document.querySelectorAll<HTMLElement>('[data-view], [data-chart], [data-widget]')
);

function take(el: HTMLElement): Promise<void> {
  places.delete(el);
  near.unobserve(el);
  return draw(el);
}

const near = new IntersectionObserver(
  entries =>
    entries
      .filter(entry => entry.isIntersecting)
      .forEach(entry => places.has(entry.target as HTMLElement) && void drawNow(entry.target)),
  { rootMargin: '300px' }
);

const busy = new Set<Promise<void>>();

async function drawNow(el: Element): Promise<void> {
  const drawing = take(el as HTMLElement);
  busy.add(drawing);
  await drawing;
  busy.delete(drawing);
}

async function drawRest(): Promise<void> {
  for (const el of places) {
    await drawNow(el);
    await idle();
  }
  await Promise.all(busy);
  // Curves wait until they are near: on paper all of them are.
  window.dispatchEvent(new Event('mlops-lab:draw'));
  await fitFolded(document.documentElement);
  document.documentElement.dataset.mlopsLab = 'drawn';
}

function idle(): Promise<void> {
  return new Promise(resolve => {
    if ('requestIdleCallback' in window) {
      window.requestIdleCallback(() => resolve(), { timeout: 500 });
    } else {
      setTimeout(resolve, 16);
    }
  });
}

enhanceTables(document);
fitFrames(document);
followPrinting(document);
places.forEach(el => near.observe(el));
void idle().then(drawRest);
