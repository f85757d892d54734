import type { ReactElement } from 'react';
import { formatValue } from './format';

/** A few rows of a table as they are; whatever scrolls does so inside. */
export function RowsTable(props: {
  columns: readonly { name: string; type?: string }[];
  rows: readonly (readonly unknown[])[];
  /** What a screen reader calls it. */
  label?: string;
  /** The columns that it is about. */
  marked?: readonly string[];
}): ReactElement {
  const { columns, rows, label, marked = [] } = props;
  const classes = columns.map(({ name }, i) =>
    [
      rows.some(row => isNumber(row[i])) ? 'jp-MlopsLab-num' : '',
      marked.includes(name) ? 'jp-mod-marked' : ''
    ]
      .filter(Boolean)
      .join(' ')
  );
  return (
    <div className="jp-MlopsLab-scroll" tabIndex={0} role="group" aria-label={label}>
      <table className="jp-MlopsLab-table">
        <thead>
          <tr>
            {columns.map((column, i) => (
              <th key={i} scope="col" title={column.type} className={classes[i]}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, n) => (
            <tr key={n}>
              {columns.map((_, i) => (
                <td key={i} className={classes[i]}>
                  {cellText(row[i])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Numbers as numbers; those that JSON cannot write come as words. */
function isNumber(value: unknown): boolean {
  return (
    typeof value === 'number' ||
    (typeof value === 'string' && /^(-?Infinity|NaN|-?\d{16,})$/.test(value))
  );
}

/** A value in a table's cell. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) {
    return '–';
  }
  if (typeof value === 'number') {
    return Number.isInteger(value) ? String(value) : formatValue(value, 4);
  }
  return typeof value === 'object'
    ? JSON.stringify(value)
    : String(value).replace(/^(\d{4}-\d\d-\d\d)T(?=\d\d:\d\d)/, '$1 ');
}
