import { useState } from 'react';
import type { ReactElement, ReactNode, Ref } from 'react';
import { Age } from '../../components/age';
import { formatCount } from '../../components/format';
import { Icon } from '../../components/icon';
import type { IconName } from '../../components/icon-paths';
import { onEnter, useRoving } from '../roving';
import { useText } from '../text';
import { useHost } from './host';
import { Aliases } from './parts';
import type { IApprovalRequest, IDecision, IDecisions, IModelRow, IModels } from './state';
import { NO_SELECTION, parseRef } from './state';

export interface ISideProps {
  models: IModels;
  decisions: IDecisions | null;
  /** The model that is looked at. */
  shown: string | null;
  search: Ref<HTMLInputElement>;
}

/** Beside the model: the others, what waits for an approval, what was decided. */
export function Side(props: ISideProps): ReactElement {
  const { models, decisions, shown, search } = props;
  const t = useText();
  const [text, setText] = useState('');
  const found = models.models.filter(model => matches(model, text));
  return (
    <nav className="jp-MlopsLab-reg-side" aria-label={t('Models')}>
      <div className="jp-MlopsLab-reg-search">
        <Icon name="search" size={14} />
        <input
          ref={search}
          type="search"
          value={text}
          placeholder={t('Search models')}
          aria-label={t('Search models by name, alias, tag or description')}
          spellCheck={false}
          onChange={event => setText(event.target.value)}
          onKeyDown={event => {
            if (event.key === 'Escape' && text !== '') {
              event.stopPropagation();
              setText('');
            }
          }}
        />
        <span className="jp-MlopsLab-kbd" aria-hidden="true">
          /
        </span>
      </div>
      <div className="jp-MlopsLab-reg-side-body">
        <Group title={t('Models')} count={countText(found.length, models.models.length, t)}>
          {found.length === 0 ? (
            <p className="jp-MlopsLab-reg-none">{t('No model matches')}</p>
          ) : (
            <ModelList models={found} shown={shown} />
          )}
        </Group>
        <span className="jp-MlopsLab-unseen" role="status">
          {text !== '' && t('%1 models match', found.length)}
        </span>
        {models.queue.length > 0 && (
          <Group title={t('Waiting for approval')} count={formatCount(models.queue.length)}>
            <Queue queue={models.queue} />
          </Group>
        )}
        {decisions !== null && decisions.decisions.length > 0 && (
          <Group title={t('Decisions')} count={formatCount(decisions.total)}>
            <Decisions decisions={decisions.decisions} />
          </Group>
        )}
      </div>
      {decisions !== null && <AuditLine audit={decisions.audit} />}
    </nav>
  );
}

function Group(props: { title: string; count: string; children: ReactNode }): ReactElement {
  const [folded, setFolded] = useState(false);
  return (
    <section className="jp-MlopsLab-reg-group" aria-label={props.title}>
      <h3>
        <button type="button" aria-expanded={!folded} onClick={() => setFolded(!folded)}>
          <Icon name={folded ? 'caret-right' : 'caret-down'} size={12} />
          {props.title} <span className="jp-MlopsLab-reg-count">{props.count}</span>
        </button>
      </h3>
      {!folded && props.children}
    </section>
  );
}

function ModelList(props: { models: readonly IModelRow[]; shown: string | null }): ReactElement {
  const { models, shown } = props;
  const t = useText();
  const { choose } = useHost();
  const { ref, onKeyDown } = useRoving<HTMLDivElement>();
  const stop = models.some(model => model.name === shown) ? shown : models[0].name;
  return (
    <div ref={ref} role="grid" aria-label={t('Models')} onKeyDown={onKeyDown}>
      {models.map(model => (
        <div
          key={model.name}
          role="row"
          data-row={model.name}
          className="jp-MlopsLab-reg-model"
          aria-selected={model.name === shown}
          tabIndex={model.name === stop ? 0 : -1}
          onClick={() => choose({ ...NO_SELECTION, model: model.name })}
          onKeyDown={onEnter(() => choose({ ...NO_SELECTION, model: model.name }))}
        >
          <Icon name="model" />
          <div role="gridcell">
            <div className="jp-MlopsLab-reg-name jp-MlopsLab-ellipsis" title={model.name}>
              {model.name}
            </div>
            <Aliases aliases={model.aliases} />
            {model.aliases.length === 0 && (
              <span className="jp-MlopsLab-micro jp-MlopsLab-muted">{t('no alias')}</span>
            )}
          </div>
          <span role="gridcell" className="jp-MlopsLab-reg-age">
            <Age at={model.updated_at} />
          </span>
        </div>
      ))}
    </div>
  );
}

/** What waits for an approval. */
export function Queue({ queue }: { queue: readonly IApprovalRequest[] }): ReactElement {
  const t = useText();
  const { choose } = useHost();
  return (
    <ul className="jp-MlopsLab-reg-queue">
      {queue.map(one => {
        const title = t('%1 to %2', `${one.model} ${one.version}`, one.alias);
        return (
          <li key={`${one.model} ${one.version} ${one.alias}`}>
            <Icon name="approval" className="jp-MlopsLab-need-waiting" />
            <div>
              <div className="jp-MlopsLab-reg-name jp-MlopsLab-ellipsis" title={title}>
                {title}
              </div>
              <div className="jp-MlopsLab-micro jp-MlopsLab-muted">
                {t('asked by %1', one.requested_by)} · <Age at={one.requested_at} />
                {one.needs > 1 && <> · {t('%1 of %2', one.approvals.length, one.needs)}</>}
              </div>
            </div>
            <button
              type="button"
              className="jp-MlopsLab-button jp-mod-small"
              aria-label={t('Review: %1', title)}
              onClick={() =>
                choose({
                  ...NO_SELECTION,
                  model: one.model,
                  version: one.version,
                  sheet: { verb: 'promote', alias: one.alias }
                })
              }
            >
              {t('Review')}
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** What was decided, newest first; each leads to what it was about. */
export function Decisions({ decisions }: { decisions: readonly IDecision[] }): ReactElement {
  const { choose } = useHost();
  const { ref, onKeyDown } = useRoving<HTMLUListElement>();
  const first = decisions.find(one => one.ref?.kind === 'model');
  return (
    <ul ref={ref} className="jp-MlopsLab-reg-decisions" onKeyDown={onKeyDown}>
      {decisions.map(one => {
        const about =
          one.ref?.kind === 'model'
            ? (parseRef(one.ref.id) ?? { name: one.ref.id, version: null })
            : null;
        const words = (
          <>
            <Icon name={decisionIcon(one.kind)} size={14} />
            <span title={`${one.sentence}\n${one.by}, #${one.n}`}>{one.sentence}</span>
            <span className="jp-MlopsLab-reg-age">
              <Age at={one.at} />
            </span>
          </>
        );
        return (
          <li key={one.n}>
            {about === null ? (
              <div>{words}</div>
            ) : (
              <button
                type="button"
                data-row={one.n}
                tabIndex={one === first ? 0 : -1}
                onClick={() =>
                  choose({ ...NO_SELECTION, model: about.name, version: about.version })
                }
              >
                {words}
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** Whether what was decided is still what was written then. */
export function AuditLine({ audit }: { audit: IDecisions['audit'] }): ReactElement {
  const t = useText();
  const intact = audit.state === 'intact';
  return (
    <div
      className={`jp-MlopsLab-reg-audit${intact ? '' : ' jp-mod-broken'}`}
      role={intact ? undefined : 'alert'}
      title={audit.message}
    >
      <Icon name={intact ? 'signed' : 'alert'} size={14} />
      {intact
        ? t('Decision log intact, %1 entries', formatCount(audit.entries))
        : t('Decision log broken: %1', audit.message)}
    </div>
  );
}

function decisionIcon(kind: string): IconName {
  const [noun, verb] = kind.split('.');
  if (verb === 'request' || verb === 'approve') {
    return 'approval';
  }
  if (verb === 'reject') {
    return 'rejected';
  }
  return noun === 'model' || noun === 'dataset' || noun === 'run' ? noun : 'check';
}

export function matches(model: IModelRow, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const tags = Object.entries(model.tags).flat();
  const all = [model.name, model.description, ...model.aliases.map(one => one.alias), ...tags]
    .join(' ')
    .toLowerCase();
  return words.every(word => all.includes(word));
}

function countText(
  found: number,
  all: number,
  t: (text: string, ...values: (string | number)[]) => string
): string {
  return found === all ? formatCount(all) : t('%1 of %2', formatCount(found), formatCount(all));
}
