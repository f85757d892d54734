/** What changes when the page is printed: everything that is folded is unfolded, and back. */
export function followPrinting(page: ParentNode): void {
  let opened: HTMLDetailsElement[] = [];
  const unfold = () => {
    opened = [...opened, ...page.querySelectorAll<HTMLDetailsElement>('details:not([open])')];
    opened.forEach(one => (one.open = true));
  };
  const fold = () => {
    opened.forEach(one => (one.open = false));
    opened = [];
  };
  // What is drawn by pixels has the colours of the screen: on paper those of a dark one are turned.
  const scheme = window.matchMedia('(prefers-color-scheme: dark)');
  const mark = () => document.documentElement.classList.toggle('jp-mod-dark', scheme.matches);
  scheme.addEventListener('change', mark);
  mark();
  window.addEventListener('beforeprint', unfold);
  window.addEventListener('afterprint', fold);
}
