import type { ReactElement } from 'react';
import { formatCount, formatValue } from '../../../components';
import type { IPreview } from '../../../api/types';
import { useText } from '../../../views/text';
import type { IOwned } from '../facts';
import { Ready } from './preview';
import { useLoaded, useServices } from './services';

const ROWS = 100;

/** The first rows of a table; the server reads them, the file stays where it is. */
export function Table({ one }: { one: IOwned }): ReactElement {
  const { client } = useServices();
  const key = `${one.id} ${one.artifact.digest ?? ''}`;
  const loaded = useLoaded(key, () => client.preview(one.owner.id, one.artifact.path, ROWS));
  return <Ready loaded={loaded}>{preview => <Rows preview={preview} />}</Ready>;
}

function Rows({ preview }: { preview: IPreview }): ReactElement {
  const t = useText();
  const { columns, rows, n_rows } = preview;
  const numeric = columns.map((_, i) => rows.some(row => isNumber(row[i])));
  return (
    <>
      <div className="jp-MlopsLab-scroll" tabIndex={0}>
        <table className="jp-MlopsLab-table">
          <thead>
            <tr>
              {columns.map((column, i) => (
                <th key={i} title={column.type} className={numeric[i] ? 'jp-MlopsLab-num' : ''}>
                  {column.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, n) => (
              <tr key={n}>
                {row.map((value, i) => (
                  <td key={i} className={numeric[i] ? 'jp-MlopsLab-num' : ''}>
                    {cellText(value)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="jp-MlopsLab-small jp-MlopsLab-muted">
        {rows.length < n_rows
          ? t('%1 of %2 rows', formatCount(rows.length), formatCount(n_rows))
          : t('%1 rows', formatCount(n_rows))}
      </p>
    </>
  );
}

/** Numbers as numbers; those that JSON cannot write come as words. */
function isNumber(value: unknown): boolean {
  return (
    typeof value === 'number' ||
    (typeof value === 'string' && /^(-?Infinity|NaN|-?\d{16,})$/.test(value))
  );
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) {
    return '–';
  }
  if (typeof value === 'number') {
    return Number.isInteger(value) ? String(value) : formatValue(value, 4);
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
