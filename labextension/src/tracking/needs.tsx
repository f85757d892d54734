import { useState } from 'react';
import type { ReactElement } from 'react';
import type { INeed } from '../api/types';
import { Age, Icon } from '../components';
import type { RunsModel } from './model';

/** So many are shown at once; the rest waits behind a button. */
const SHOWN = 3;

export interface INeedsListProps {
  model: RunsModel;
  items: readonly INeed[];
  open: (id: string) => void;
  /** Show a version that waits for an approval. */
  review: (need: INeed) => void;
  /** Show why an alert is open. */
  explain: (need: INeed) => void;
  /** End an alert that nothing will look at again. */
  resolve: (need: INeed) => void;
  /** What else can be done about an alert, at a place on the page. */
  decide: (need: INeed, at: DOMRect) => void;
}

/** What needs a person: what died or failed unseen, what waits for an approval, open alerts. */
export function NeedsList(props: INeedsListProps): ReactElement {
  const { model, items, open, review } = props;
  const [all, setAll] = useState(false);
  const { trans } = model;
  const shown = all ? items : items.slice(0, SHOWN);
  const rest = items.length - shown.length;
  return (
    <ul className="jp-MlopsLab-needs">
      {shown.map(item => (
        <li key={keyOf(item)} className="jp-MlopsLab-row jp-mod-need" data-kind={item.kind}>
          <NeedIcon item={item} />
          <div className="jp-MlopsLab-ellipsis">
            <div className="jp-MlopsLab-name">
              <span className="jp-MlopsLab-ellipsis" title={item.title}>
                {item.title}
              </span>
            </div>
            <div className="jp-MlopsLab-sub jp-MlopsLab-ellipsis" title={item.detail}>
              {item.removed === true && trans.__('monitor removed · ')}
              {item.detail}
              {item.at !== null && (
                <>
                  {item.detail !== '' && ' · '}
                  <Age at={item.at} />
                </>
              )}
            </div>
          </div>
          <div className="jp-MlopsLab-need-buttons">
            {item.kind === 'approval' ? (
              <button
                type="button"
                className="jp-MlopsLab-button jp-mod-small"
                aria-label={trans.__('Review: %1', item.title)}
                onClick={() => review(item)}
              >
                {trans.__('Review')}
              </button>
            ) : item.kind === 'alert' ? (
              <AlertButtons {...props} item={item} />
            ) : (
              <RunButtons model={model} item={item} open={open} />
            )}
          </div>
        </li>
      ))}
      {rest > 0 && (
        <li className="jp-MlopsLab-more">
          <button type="button" className="jp-MlopsLab-link" onClick={() => setAll(true)}>
            {trans._n('%1 more', '%1 more', rest)}
          </button>
        </li>
      )}
    </ul>
  );
}

/** Shape and colour of what is the matter: a grave alert is filled. */
function NeedIcon({ item }: { item: INeed }): ReactElement {
  if (item.kind === 'alert') {
    const warns = item.severity === 'warn' || item.severity === 'info';
    return (
      <Icon
        name={warns ? 'alert' : 'alert-filled'}
        className={warns ? 'jp-MlopsLab-need-waiting' : 'jp-MlopsLab-need-failed'}
      />
    );
  }
  return (
    <Icon
      name={waits(item) ? 'approval' : 'alert'}
      className={`jp-MlopsLab-need-${waits(item) ? 'waiting' : item.kind}`}
    />
  );
}

function AlertButtons(props: INeedsListProps & { item: INeed }): ReactElement {
  const { model, item, explain, decide, resolve } = props;
  const { trans } = model;
  // Without its monitor's file there is nothing to be opened, and no check that would end it.
  const removed = item.removed === true;
  return (
    <>
      <button
        type="button"
        className="jp-MlopsLab-icon-button"
        aria-haspopup="menu"
        aria-label={trans.__('Decide: %1', item.title)}
        title={trans.__('Acknowledge, mute, resolve')}
        onClick={event => decide(item, event.currentTarget.getBoundingClientRect())}
      >
        <Icon name="more" size={14} />
      </button>
      <button
        type="button"
        className="jp-MlopsLab-button jp-mod-small"
        aria-label={
          removed ? trans.__('Resolve: %1', item.title) : trans.__('Open: %1', item.title)
        }
        onClick={() => (removed ? resolve(item) : explain(item))}
      >
        {removed ? trans.__('Resolve') : trans.__('Open')}
      </button>
    </>
  );
}

function RunButtons(props: {
  model: RunsModel;
  item: INeed;
  open: (id: string) => void;
}): ReactElement | null {
  const { model, item, open } = props;
  const { trans } = model;
  const id = item.run_id;
  if (id === null) {
    return null;
  }
  const passing = !waits(item);
  return (
    <>
      {passing && (
        <button
          type="button"
          className="jp-MlopsLab-icon-button"
          aria-label={trans.__('Dismiss: %1', item.title)}
          title={trans.__('Dismiss')}
          onClick={() => void model.seen(id)}
        >
          <Icon name="close" size={12} />
        </button>
      )}
      <button
        type="button"
        className="jp-MlopsLab-button jp-mod-small"
        aria-label={trans.__('Open: %1', item.title)}
        onClick={() => {
          open(id);
          if (passing) {
            void model.seen(id);
          }
        }}
      >
        {trans.__('Open')}
      </button>
    </>
  );
}

/** Whether it waits for a decision, and does not go away by being seen. */
function waits(item: INeed): boolean {
  return item.kind === 'waiting' || item.kind === 'approval';
}

function keyOf(item: INeed): string {
  return [item.kind, item.alert, item.run_id, item.model, item.version, item.alias].join(' ');
}
