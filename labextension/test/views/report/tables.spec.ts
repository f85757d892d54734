import { describe, expect, it } from 'vitest';
import { enhanceTables, sorted } from '../../../src/views/report/tables';

function page(rows: string): HTMLElement {
  const el = document.createElement('div');
  el.innerHTML = `<div data-sort data-search><table><caption>Runs</caption><thead><tr>
    <th>name</th><th>auc</th></tr></thead><tbody>${rows}</tbody></table></div>`;
  enhanceTables(el);
  return el;
}

const names = (el: HTMLElement) =>
  [...el.querySelectorAll('tbody tr:not([hidden])')].map(row => row.children[0].textContent);

const ROWS = `<tr><td>b</td><td data-v="0.70212">0.7021</td></tr><tr><td>a10</td><td>–</td></tr>
  <tr><td>a9</td><td data-v="-2">−2</td></tr><tr><td>c</td><td>1,204</td></tr>`;

describe('a table of a report', () => {
  it('is sorted by what its cells are, up, down and back; what is not there comes last', () => {
    const el = page(ROWS);
    const button = el.querySelectorAll('th button')[1] as HTMLButtonElement;
    const seen = [1, 2, 3].map(() => {
      button.click();
      return [button.parentElement?.getAttribute('aria-sort') ?? null, names(el)];
    });
    expect(seen).toEqual([
      ['ascending', ['a9', 'b', 'c', 'a10']],
      ['descending', ['c', 'b', 'a9', 'a10']],
      [null, ['b', 'a10', 'a9', 'c']]
    ]);
  });

  it('sorts texts as people count: a9 before a10', () => {
    const rows = [...page(ROWS).querySelectorAll<HTMLTableRowElement>('tbody tr')];
    const first = sorted(rows, 0, 'ascending').map(row => row.cells[0].textContent);
    expect(first).toEqual(['a9', 'a10', 'b', 'c']);
  });

  it('shows the rows that have all the words, and says how many', () => {
    const el = page(ROWS);
    const input = el.querySelector('input') as HTMLInputElement;
    expect(input.getAttribute('aria-label')).toBe('Search Runs');
    input.value = 'A 9';
    input.dispatchEvent(new Event('input'));
    expect(names(el)).toEqual(['a9']);
    expect(el.querySelector('[role=status]')?.textContent).toBe('1 of 4');
  });
});
