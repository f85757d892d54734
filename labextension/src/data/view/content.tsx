import type { ReactElement } from 'react';
import type { IDatasetVersion } from '../../api/data';
import { Block, Icon, RowsTable, formatBytes, formatCount } from '../../components';
import { useText } from '../../views/text';

/** The first rows of a table. */
export function Preview({
  preview
}: {
  preview: NonNullable<IDatasetVersion['preview']>;
}): ReactElement {
  const t = useText();
  const { columns, rows, n_rows } = preview;
  const note =
    rows.length < n_rows
      ? t('the first %1 of %2', formatCount(rows.length), formatCount(n_rows))
      : formatCount(n_rows);
  return (
    <div className="jp-MlopsLab-pane">
      <Block title={t('Rows')} note={note}>
        {rows.length === 0 ? (
          <p className="jp-MlopsLab-small jp-MlopsLab-muted">
            {t('The table has %1 columns and no row.', columns.length)}
          </p>
        ) : (
          <RowsTable columns={columns} rows={rows} label={t('The first rows')} />
        )}
      </Block>
    </div>
  );
}

/** What a folder, or a single file, consists of. */
export function Files({ version }: { version: IDatasetVersion }): ReactElement {
  const t = useText();
  const { entries, files, size_bytes } = version;
  const note =
    entries.length < files
      ? t('the first %1 of %2', formatCount(entries.length), formatCount(files))
      : formatCount(files);
  return (
    <div className="jp-MlopsLab-pane">
      <Block title={t('Files')} note={`${note}, ${formatBytes(size_bytes)}`}>
        <ul className="jp-MlopsLab-list">
          {entries.map(entry => (
            <li key={entry.path} className="jp-MlopsLab-gate">
              <Icon name="file" size={14} />
              <span className="jp-MlopsLab-ellipsis" title={entry.path}>
                {entry.path}
              </span>
              <span className="jp-MlopsLab-micro jp-MlopsLab-muted">
                {formatBytes(entry.size_bytes)}
              </span>
            </li>
          ))}
        </ul>
      </Block>
    </div>
  );
}
