import type { ReactElement } from 'react';
import { Icon } from '../components';
import { useChanged } from '../state/use';
import type { RunsModel } from './model';

export interface IBottomProps {
  model: RunsModel;
  showKeys: () => void;
  deleteSelected: () => void;
}

/** Below the sections: what was deleted, what is selected, which keys there are. */
export function Bottom({ model, showKeys, deleteSelected }: IBottomProps): ReactElement {
  useChanged(model);
  useChanged(model.selection);
  useChanged(model.pages);
  const { selection, trans } = model;
  const { undo, failure } = model.edits;
  const keyed = model.pages !== null && (model.pages.total ?? 0) > 0;
  return (
    <div className="jp-MlopsLab-bottom">
      <div aria-live="polite">
        {undo !== null && (
          <div className="jp-MlopsLab-toast">
            <span className="jp-MlopsLab-ellipsis">
              {undo.name !== null
                ? trans.__('%1 deleted', undo.name)
                : trans.__('%1 runs deleted', undo.ids.length)}
            </span>
            <span className="jp-MlopsLab-spacer" />
            <button
              type="button"
              className="jp-MlopsLab-link"
              onClick={() => void model.edits.undelete()}
            >
              {trans.__('Undo')}
            </button>
          </div>
        )}
        {failure !== null && (
          <div className="jp-MlopsLab-toast" role="alert">
            <span className="jp-MlopsLab-ellipsis" title={failure}>
              {failure}
            </span>
            <span className="jp-MlopsLab-spacer" />
            <button
              type="button"
              className="jp-MlopsLab-link"
              onClick={() => model.edits.dismissFailure()}
            >
              {trans.__('Dismiss')}
            </button>
          </div>
        )}
      </div>
      {selection.size > 0 ? (
        <div
          className="jp-MlopsLab-selectbar"
          role="toolbar"
          aria-label={trans.__('Selected runs')}
        >
          <span className="jp-MlopsLab-strong">{selection.size}</span>
          <span className="jp-MlopsLab-hint">{trans.__('selected')}</span>
          <span className="jp-MlopsLab-spacer" />
          <button
            type="button"
            className="jp-MlopsLab-button jp-mod-small"
            onClick={deleteSelected}
          >
            <Icon name="trash" size={14} />
            {trans.__('Delete')}
          </button>
          <button
            type="button"
            className="jp-MlopsLab-icon-button"
            aria-label={trans.__('Clear selection')}
            title={trans.__('Clear selection')}
            onClick={() => selection.clear()}
          >
            <Icon name="close" size={14} />
          </button>
        </div>
      ) : (
        <div className={`jp-MlopsLab-keys${keyed ? ' jp-mod-quiet' : ''}`}>
          {keyed && (
            <>
              <Key name="Enter" text={trans.__('open')} />
              <Key name="Space" text={trans.__('select')} />
            </>
          )}
          <button type="button" className="jp-MlopsLab-keys-all" onClick={showKeys}>
            <Key name="?" text={keyed ? trans.__('all') : trans.__('shows every key')} />
          </button>
        </div>
      )}
    </div>
  );
}

function Key({ name, text }: { name: string; text: string }): ReactElement {
  return (
    <span>
      <span className="jp-MlopsLab-kbd">{name}</span> {text}
    </span>
  );
}
