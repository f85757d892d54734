import type { ReactElement } from 'react';
import { RowsTable, formatCount } from '../../../components';
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
  return (
    <>
      <RowsTable columns={columns} rows={rows} />
      <p className="jp-MlopsLab-small jp-MlopsLab-muted">
        {rows.length < n_rows
          ? t('%1 of %2 rows', formatCount(rows.length), formatCount(n_rows))
          : t('%1 rows', formatCount(n_rows))}
      </p>
    </>
  );
}
