import { drawChart } from '../chart/draw';
import type { IVega } from '../chart/draw';
import { LocalModel } from '../model';
import type { IView } from '../model';
import { dataOf, load, textOf } from './code';
import { fitFrame } from './frames';

/** Draw a view or a chart in its place; what stood there for places without scripts goes. */
export async function draw(el: HTMLElement): Promise<void> {
  try {
    if (el.dataset.chart !== undefined) {
      await chart(el, dataOf(el.dataset.chart));
    } else if (el.dataset.widget !== undefined) {
      await widget(el, dataOf(el.dataset.widget));
    } else {
      const view = await load<IView<object>>(el.dataset.view ?? '');
      const model = new LocalModel(JSON.parse(dataOf(el.dataset.state ?? '')) as object);
      const host = document.createElement('div');
      el.append(host);
      view.render({ model, el: host });
      still(el)?.remove();
    }
    el.dataset.drawn = 'true';
  } catch (error) {
    const said = document.createElement('p');
    said.className = 'jp-MlopsLab-report-notice';
    said.textContent = `This cannot be drawn: ${error instanceof Error ? error.message : error}`;
    el.append(said);
    el.dataset.drawn = 'false';
  }
}

/** A widget of a notebook, in a frame that has nothing of this page but what it is given. */
async function widget(el: HTMLElement, source: string): Promise<void> {
  const { page, ...rest } = JSON.parse(source) as { page: string };
  const [code, style] = await Promise.all([textOf('widgets'), textOf('widgets-view')]);
  const frame = document.createElement('iframe');
  frame.className = 'jp-MlopsLab-report-frame jp-mod-page';
  frame.title = el.getAttribute('aria-label') ?? 'Widget';
  frame.setAttribute('sandbox', 'allow-scripts');
  frame.srcdoc = page;
  const loaded = new Promise(resolve => frame.addEventListener('load', resolve));
  el.append(frame);
  fitFrame(frame);
  await loaded;
  frame.contentWindow?.postMessage({ mlopsLabWidget: { code, style, ...rest } }, '*');
  still(el)?.remove();
}

/** A chart as wide as its place, its title in words above it. */
async function chart(el: HTMLElement, source: string): Promise<void> {
  const vega = await load<IVega>('vega');
  const host = document.createElement('div');
  host.className = 'jp-MlopsLab-vega';
  el.append(host);
  const drawn = await drawChart(host, source, widthOf(el), vega);
  const { title, subtitle } = drawn.chart;
  if (title.length > 0) {
    const caption = document.createElement('figcaption');
    const name = document.createElement('b');
    name.textContent = title.join(' ');
    caption.append(name, ' ', subtitle.join(' '));
    el.prepend(caption);
  }
  still(el)?.remove();
  redrawn(el, source, host, vega, drawn.finalize);
}

/** Draw it again when its place has another width, once that rests. */
function redrawn(
  el: HTMLElement,
  source: string,
  host: HTMLElement,
  vega: IVega,
  finalize: () => void
): void {
  let width = widthOf(el);
  let last = finalize;
  let timer = 0;
  new ResizeObserver(() => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => {
      if (el.clientWidth > 0 && Math.abs(el.clientWidth - width) > 8) {
        width = el.clientWidth;
        last();
        void drawChart(host, source, width, vega).then(drawn => (last = drawn.finalize));
      }
    }, 150);
  }).observe(el);
}

/** What is folded away has no width yet: as wide as the column it will open in. */
function widthOf(el: HTMLElement): number {
  const column = el.closest<HTMLElement>('section')?.clientWidth ?? 0;
  return el.clientWidth || column || 640;
}

function still(el: HTMLElement): Element | null {
  return el.querySelector(':scope > .jp-MlopsLab-report-still');
}
