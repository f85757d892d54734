import { PathExt } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';
import type { ICommitRequest } from '../api/data';
import { NameField, askForm } from '../form-dialog';
import type { IFormProps } from '../form-dialog';

export interface ICommitDialog<R> {
  /** The file or folder, inside the project. */
  path: string;
  /** The datasets that there are: one of their names makes a new version. */
  names: readonly string[];
  /** Start the commit. */
  commit: (request: ICommitRequest) => Promise<R>;
  trans: TranslationBundle;
}

/** Ask under which name, and start; null when the person does not want to. */
export function askCommit<R>(options: ICommitDialog<R>): Promise<R | null> {
  const { path, names, commit, trans } = options;
  return askForm<ICommitRequest, R>({
    title: trans.__('Commit %1 as dataset', PathExt.basename(path)),
    accept: trans.__('Commit'),
    initial: { path, name: proposedName(path) },
    form: props => <CommitForm {...props} names={names} trans={trans} />,
    act: request => commit(trimmed(request)),
    trans
  });
}

function trimmed({ path, name, note, alias }: ICommitRequest): ICommitRequest {
  return {
    path,
    name: name.trim(),
    ...(note?.trim() && { note: note.trim() }),
    ...(alias?.trim() && { alias: alias.trim() })
  };
}

/** The dialog's content: the name, and whether it makes a new version or a new dataset. */
export function CommitForm(
  props: IFormProps<ICommitRequest> & { names: readonly string[]; trans: TranslationBundle }
): ReactElement {
  const { value, change, names, trans } = props;
  const name = value.name.trim();
  return (
    <>
      <p className="jp-MlopsLab-small jp-MlopsLab-muted">
        <code>{value.path}</code>{' '}
        {trans.__('stays where it is; its content is kept as a version that nothing changes.')}
      </p>
      <NameField
        label={trans.__('Dataset')}
        names={names}
        value={value.name}
        onChange={next => change({ name: next })}
      />
      <label className="jp-MlopsLab-field">
        <span>{trans.__('Note')}</span>
        <input
          type="text"
          className="jp-mod-styled jp-mod-words"
          value={value.note ?? ''}
          placeholder={trans.__('what is new in it')}
          onChange={event => change({ note: event.target.value })}
        />
      </label>
      <label className="jp-MlopsLab-field">
        <span>{trans.__('Alias')}</span>
        <input
          type="text"
          className="jp-mod-styled"
          spellCheck={false}
          value={value.alias ?? ''}
          placeholder={trans.__('none')}
          onChange={event => change({ alias: event.target.value })}
        />
      </label>
      <p className="jp-MlopsLab-small jp-MlopsLab-muted" aria-live="polite">
        {name === ''
          ? trans.__('A dataset needs a name.')
          : names.includes(name)
            ? trans.__('Makes a new version of %1, unless its content is one already.', name)
            : trans.__('Makes the dataset %1.', name)}
      </p>
    </>
  );
}

/** A name to begin with: `data/flights 2013.parquet` → `flights-2013`. */
export function proposedName(path: string): string {
  const base = PathExt.basename(path.replace(/\/+$/, ''));
  const stem = base.replace(
    /(\.(csv|tsv|json|jsonl|ndjson|parquet|arrow|feather|txt|xlsx|zip|gz|zst))+$/i,
    ''
  );
  return (stem || base)
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_]+/gu, '-')
    .replace(/^-+|-+$/g, '');
}
