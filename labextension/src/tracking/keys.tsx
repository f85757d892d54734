import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';
import { DialogBody } from '../dialog-body';

/** Every key of the sidebar, as the `?` key shows them. */
export function keysOf(trans: TranslationBundle): [string[], string][] {
  return [
    [['↑', '↓', 'j', 'k'], trans.__('move')],
    [['Page ↑', 'Page ↓', 'Home', 'End'], trans.__('move far')],
    [['Enter'], trans.__('open')],
    [['Space'], trans.__('select')],
    [['Shift ↑', 'Shift ↓'], trans.__('extend the selection')],
    [['s'], trans.__('star')],
    [['F2'], trans.__('rename')],
    [['t'], trans.__('tag')],
    [['n'], trans.__('note')],
    [['Del'], trans.__('delete, with Undo for 10 s')],
    [['Ctrl Z'], trans.__('undo a delete')],
    [['/'], trans.__('search')],
    [['Esc'], trans.__('clear the selection, clear the search, back')],
    [['←', '→'], trans.__('fold and unfold a section')],
    [['i'], trans.__('insert the cell that loads data or a model')],
    [['c'], trans.__('check a monitor now')],
    [['e'], trans.__('edit the file of a monitor')],
    [['[', ']'], trans.__('previous and next version, in the view of a dataset')],
    [['?'], trans.__('this list')]
  ];
}

export async function showKeys(trans: TranslationBundle): Promise<void> {
  await showDialog({
    title: trans.__('Keys of the sidebar'),
    body: new KeysBody(keysOf(trans)),
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
}

class KeysBody extends DialogBody {
  constructor(private _keys: [string[], string][]) {
    super();
  }

  protected render(): ReactElement {
    return <Keys keys={this._keys} />;
  }
}

function Keys({ keys }: { keys: [string[], string][] }): ReactElement {
  return (
    <table className="jp-MlopsLab-root jp-MlopsLab-keytable">
      <tbody>
        {keys.map(([names, does]) => (
          <tr key={does}>
            <th scope="row">
              {names.map(name => (
                <span key={name} className="jp-MlopsLab-kbd">
                  {name}
                </span>
              ))}
            </th>
            <td>{does}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
