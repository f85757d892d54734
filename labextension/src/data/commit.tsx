import { Dialog, showDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { useState } from 'react';
import type { ReactElement } from 'react';
import type { ICommitRequest } from '../api/data';

export interface ICommitDialog {
  /** The file or folder, inside the project. */
  path: string;
  /** What to begin with. */
  initial: ICommitRequest;
  /** The datasets that there are: one of their names makes a new version. */
  names: readonly string[];
  /** Why the last try was refused. */
  problem: string | null;
  trans: TranslationBundle;
}

/** Ask under which name; null when the person does not want to. */
export async function askCommit(options: ICommitDialog): Promise<ICommitRequest | null> {
  const { trans, path } = options;
  const result = await showDialog({
    title: trans.__('Commit %1 as dataset', PathExt.basename(path)),
    body: new CommitBody(options),
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Commit') })],
    focusNodeSelector: 'input'
  });
  return result.button.accept ? result.value : null;
}

class CommitBody extends ReactWidget implements Dialog.IBodyWidget<ICommitRequest> {
  constructor(private _options: ICommitDialog) {
    super();
    this.addClass('jp-MlopsLab-root');
    this.addClass('jp-MlopsLab-dialog-body');
    this._request = _options.initial;
  }

  getValue(): ICommitRequest {
    const { path, name, note, alias } = this._request;
    return {
      path,
      name: name.trim(),
      ...(note?.trim() && { note: note.trim() }),
      ...(alias?.trim() && { alias: alias.trim() })
    };
  }

  protected render(): ReactElement {
    return (
      <CommitForm
        options={this._options}
        onChange={request => {
          this._request = request;
        }}
      />
    );
  }

  private _request: ICommitRequest;
}

/** The dialog's content: the name, and whether it makes a new version or a new dataset. */
export function CommitForm(props: {
  options: ICommitDialog;
  onChange: (request: ICommitRequest) => void;
}): ReactElement {
  const { options, onChange } = props;
  const { trans, names, path, problem } = options;
  const [request, setRequest] = useState(options.initial);
  const change = (next: Partial<ICommitRequest>): void => {
    setRequest({ ...request, ...next });
    onChange({ ...request, ...next });
  };
  const name = request.name.trim();
  return (
    <>
      <p className="jp-MlopsLab-small jp-MlopsLab-muted">
        <code>{path}</code>{' '}
        {trans.__('stays where it is; its content is kept as a version that nothing changes.')}
      </p>
      <label className="jp-MlopsLab-field">
        <span>{trans.__('Dataset')}</span>
        <input
          type="text"
          className="jp-mod-styled"
          list="mlops-lab-dataset-names"
          spellCheck={false}
          value={request.name}
          onChange={event => change({ name: event.target.value })}
        />
      </label>
      <datalist id="mlops-lab-dataset-names">
        {names.map(one => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <label className="jp-MlopsLab-field">
        <span>{trans.__('Note')}</span>
        <input
          type="text"
          className="jp-mod-styled jp-mod-words"
          value={request.note ?? ''}
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
          value={request.alias ?? ''}
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
      {problem !== null && (
        <p className="jp-MlopsLab-reason jp-mod-bad" role="alert">
          {problem}
        </p>
      )}
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
