/** Let the reader sort and search the tables that offer it. */
export function enhanceTables(page: ParentNode): void {
  page.querySelectorAll<HTMLElement>('[data-sort]').forEach(frame => {
    const table = frame.querySelector('table');
    if (table !== null) {
      sortable(table);
      if ('search' in frame.dataset) {
        searchable(frame, table);
      }
    }
  });
}

function sortable(table: HTMLTableElement): void {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
  heads.forEach((head, column) => {
    const title = head.textContent ?? '';
    if (title === '') {
      return;
    }
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = title;
    button.addEventListener('click', () => {
      const next = { none: 'ascending', ascending: 'descending', descending: 'none' }[
        head.ariaSort ?? 'none'
      ];
      heads.forEach(one => (one.ariaSort = null));
      head.ariaSort = next === 'none' ? null : (next ?? 'ascending');
      body.append(...sorted(original, column, head.ariaSort));
    });
    head.replaceChildren(button);
  });
}

/** The rows in the order of a column; what has no value comes last either way. */
export function sorted(
  rows: readonly HTMLTableRowElement[],
  column: number,
  direction: string | null
): HTMLTableRowElement[] {
  if (direction === null) {
    return [...rows];
  }
  const sign = direction === 'descending' ? -1 : 1;
  const values = new Map(rows.map(row => [row, valueOf(row.cells[column])]));
  return [...rows].sort((a, b) => compare(values.get(a) ?? null, values.get(b) ?? null, sign));
}

function compare(a: number | string | null, b: number | string | null, sign: number): number {
  if (a === null || b === null) {
    return Number(a === null) - Number(b === null);
  }
  return typeof a === 'number' && typeof b === 'number'
    ? sign * (a - b)
    : sign * String(a).localeCompare(String(b), 'en', { numeric: true });
}

function valueOf(cell: HTMLTableCellElement | undefined): number | string | null {
  const text = cell?.dataset.v ?? cell?.textContent?.trim() ?? '';
  if (text === '' || text === '–' || text === 'NaN') {
    return null;
  }
  const number = Number(text.replaceAll(',', ''));
  return Number.isNaN(number) ? text : number;
}

function searchable(frame: HTMLElement, table: HTMLTableElement): void {
  const rows = [...table.tBodies[0].rows];
  const bar = document.createElement('div');
  bar.className = 'jp-MlopsLab-report-search';
  const input = document.createElement('input');
  input.type = 'search';
  input.placeholder = 'Search';
  input.setAttribute('aria-label', `Search ${table.caption?.textContent ?? 'this table'}`);
  const said = document.createElement('span');
  said.setAttribute('role', 'status');
  input.addEventListener('input', () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent?.toLowerCase() ?? '';
      row.hidden = !words.every(word => text.includes(word));
      shown += Number(!row.hidden);
    }
    said.textContent =
      words.length === 0
        ? ''
        : `${shown.toLocaleString('en')} of ${rows.length.toLocaleString('en')}`;
  });
  bar.append(input, said);
  frame.prepend(bar);
}
