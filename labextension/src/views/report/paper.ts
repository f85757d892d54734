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
  window.addEventListener('beforeprint', unfold);
  window.addEventListener('afterprint', fold);
}
