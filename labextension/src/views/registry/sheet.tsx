import { useEffect, useId, useRef, useState } from 'react';
import type { KeyboardEvent, ReactElement, ReactNode } from 'react';
import { formatTime } from '../../components/format';
import { Icon } from '../../components/icon';
import { useText } from '../text';
import type { Translate } from '../text';
import { Decide, freely, verbsOf } from './decide';
import type { IVerb } from './decide';
import { Evidence } from './evidence';
import { current, shortDigest, waysBack } from './facts';
import { Aliases, stateIcon } from './parts';
import type { IApprovalRequest, IMe, IModelPage, IVersionDetail } from './state';

interface ISheetProps {
  page: IModelPage;
  me: IMe | null;
  onClose: () => void;
  /** Said where it stays when the sheet has gone. */
  onDone: (sentence: string) => void;
}

/** A version on its way to an alias: the evidence first, then who decides, then why. */
export function PromoteSheet(
  props: ISheetProps & {
    detail: IVersionDetail;
    alias: string;
    queue: readonly IApprovalRequest[];
    onAlias: (alias: string) => void;
  }
): ReactElement {
  const { page, me, detail, alias, queue, onAlias, onClose, onDone } = props;
  const t = useText();
  const promotion = detail.promotions.find(one => one.alias === alias) ?? null;
  const request =
    queue.find(
      one => one.model === detail.name && one.version === detail.version && one.alias === alias
    ) ?? null;
  const may = me?.may.includes('models:promote') ?? false;
  const verbs = promotion === null ? freely(alias, may, t) : verbsOf(promotion, request, t);
  const held = page.model.aliases.find(one => one.alias === alias)?.version ?? null;
  const from = promotion === null ? held : promotion.from;
  const since = current(page.history, alias)?.since;
  return (
    <Frame title={titleOf(detail, verbs, t)} onClose={onClose}>
      <div className="jp-MlopsLab-reg-becomes">
        <span>{promotion?.state === 'current' ? t('is') : t('becomes')}</span>
        <AliasSelect
          alias={alias}
          all={detail.promotions.map(one => one.alias)}
          onAlias={onAlias}
          others
        />
        <span className="jp-MlopsLab-muted">
          {promotion?.state === 'current'
            ? ''
            : from === null
              ? t('the first one')
              : since === undefined
                ? t('instead of %1', from)
                : t('instead of %1, since %2', from, formatTime(since))}
        </span>
      </div>
      {request !== null && <Asked request={request} />}
      {promotion !== null && promotion.lines.length > 0 && (
        <Part title={t('Policy for %1', alias)}>
          <ul className="jp-MlopsLab-reg-lines">
            {promotion.lines.map((line, i) => (
              <li key={i} className={`jp-mod-${line.state}`}>
                <Icon name={stateIcon(line.state)} label={line.state} />
                <span>{line.sentence}</span>
              </li>
            ))}
          </ul>
        </Part>
      )}
      {from !== null && from !== detail.version && (
        <Evidence page={page} detail={detail} from={from} />
      )}
      {promotion?.state !== 'current' && (
        <Part title={t('What changes')}>
          <ul className="jp-MlopsLab-reg-changes">
            {changes(detail, alias, from, verbs, t).map((sentence, i) => (
              <li key={i}>{sentence}</li>
            ))}
          </ul>
        </Part>
      )}
      <Decide
        verbs={verbs}
        why_not={
          promotion === null
            ? t('Your role may not promote.')
            : (promotion.why_not ?? request?.why_not ?? null)
        }
        small={recorded(me, detail.digest, t)}
        about={{ model: detail.name, version: detail.version, alias, digest: detail.digest }}
        onDone={onDone}
      />
    </Frame>
  );
}

/** An alias on its way back to the version it stood on before. */
export function RollbackSheet(
  props: ISheetProps & { alias: string; onAlias: (alias: string) => void }
): ReactElement {
  const { page, me, alias, onAlias, onClose, onDone } = props;
  const t = useText();
  const now = current(page.history, alias);
  const aliases = waysBack(page);
  const back = page.policies.find(one => one.alias === alias)?.back ?? null;
  const row = page.versions.find(one => one.version === back) ?? null;
  const then = page.history.find(move => move.alias === alias && move.version === back);
  const verbs: IVerb[] =
    row === null
      ? []
      : [{ verb: 'rollback', label: t('Roll back to %1', row.version), destroys: true }];
  return (
    <Frame title={t('Roll back %1', page.model.name)} onClose={onClose}>
      <div className="jp-MlopsLab-reg-becomes">
        {aliases.length > 1 ? (
          <AliasSelect alias={alias} all={aliases} onAlias={onAlias} />
        ) : (
          <Aliases aliases={[{ alias, version: now?.version }]} />
        )}
        {back !== null && <span>{t('goes back to %1', back)}</span>}
      </div>
      {then !== undefined && (
        <Part title={t('What is known of %1', then.version)}>
          <ul className="jp-MlopsLab-reg-changes">
            <li>
              {then.until === null
                ? t('It became %1 on %2.', alias, formatTime(then.since))
                : t(
                    'It was %1 from %2 to %3.',
                    alias,
                    formatTime(then.since),
                    formatTime(then.until)
                  )}
            </li>
            {then.reason !== '' && <li>{t('It became so because: %1', then.reason)}</li>}
          </ul>
        </Part>
      )}
      {back !== null && (
        <Part title={t('What changes')}>
          <ul className="jp-MlopsLab-reg-changes">
            <li>{t('%1 is version %2 from now on.', refText(page.model.name, alias), back)}</li>
            {now !== null && (
              <li>{t('%1 loses %2 and stays in the registry.', now.version, alias)}</li>
            )}
          </ul>
        </Part>
      )}
      <Decide
        verbs={verbs}
        why_not={row === null ? t('There is no version that %1 could go back to.', alias) : null}
        small={recorded(me, row?.digest ?? '', t)}
        about={{
          model: page.model.name,
          version: row?.version ?? 0,
          alias,
          digest: row?.digest ?? ''
        }}
        onDone={onDone}
      />
    </Frame>
  );
}

/** The sheet itself: a dialog beside the evidence. Esc closes it, and the keyboard goes back. */
function Frame(props: { title: string; onClose: () => void; children: ReactNode }): ReactElement {
  const { title, onClose, children } = props;
  const t = useText();
  const node = useRef<HTMLElement>(null);
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement as HTMLElement | null;
    const own = node.current;
    own?.focus();
    return () => {
      // Only where the keyboard was in here: a person may have gone on elsewhere.
      if (
        own === null ||
        own.contains(document.activeElement) ||
        document.activeElement === document.body
      ) {
        opener?.focus?.();
      }
    };
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      onClose();
    }
  };
  return (
    <aside
      ref={node}
      className="jp-MlopsLab-reg-sheet"
      role="dialog"
      aria-labelledby={id}
      tabIndex={-1}
      onKeyDown={onKeyDown}
    >
      <header>
        <h2 id={id}>{title}</h2>
        <button
          type="button"
          className="jp-MlopsLab-icon-button"
          aria-label={t('Close')}
          title={t('Close')}
          onClick={onClose}
        >
          <Icon name="close" size={14} />
        </button>
      </header>
      <div className="jp-MlopsLab-reg-sheet-body">{children}</div>
    </aside>
  );
}

/** One of the aliases that there are; `others`: or any other name. */
function AliasSelect(props: {
  alias: string;
  all: readonly string[];
  onAlias: (alias: string) => void;
  others?: boolean;
}): ReactElement {
  const { alias, all, onAlias, others = false } = props;
  const t = useText();
  const [text, setText] = useState<string | null>(null);
  if (text !== null) {
    const take = () => {
      setText(null);
      if (text.trim() !== '') {
        onAlias(text.trim());
      }
    };
    return (
      <input
        type="text"
        className="jp-MlopsLab-reg-select"
        aria-label={t('Alias')}
        placeholder={t('challenger')}
        value={text}
        size={14}
        spellCheck={false}
        autoFocus
        onChange={event => setText(event.target.value)}
        onBlur={take}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            event.preventDefault();
            take();
          } else if (event.key === 'Escape') {
            event.stopPropagation();
            setText(null);
          }
        }}
      />
    );
  }
  return (
    <select
      className="jp-MlopsLab-reg-select"
      aria-label={t('Alias')}
      value={alias}
      onChange={event => (event.target.value === '' ? setText('') : onAlias(event.target.value))}
    >
      {[...new Set([...all, alias])].map(one => (
        <option key={one}>{one}</option>
      ))}
      {others && <option value="">{t('another…')}</option>}
    </select>
  );
}

function Part(props: { title: string; children: ReactNode }): ReactElement {
  return (
    <section aria-label={props.title}>
      <h3 className="jp-MlopsLab-h2">{props.title}</h3>
      {props.children}
    </section>
  );
}

function Asked({ request }: { request: IApprovalRequest }): ReactElement {
  const t = useText();
  return (
    <div className="jp-MlopsLab-small">
      {t('%1 asked for it', request.requested_by)}
      {request.requested_at !== null && `, ${formatTime(request.requested_at)}`}
      {request.comment !== '' && `: ${request.comment}`}
      {request.approvals.map(({ by, role, comment }) => (
        <div key={by}>
          {t('%1, %2, approved', by, role)}
          {comment !== '' && `: ${comment}`}
        </div>
      ))}
    </div>
  );
}

function titleOf(detail: IVersionDetail, verbs: readonly IVerb[], t: Translate): string {
  const name = `${detail.name} ${detail.version}`;
  return verbs.some(({ verb }) => verb === 'approve')
    ? t('Review %1', name)
    : t('Promote %1', name);
}

function changes(
  detail: IVersionDetail,
  alias: string,
  from: number | null,
  verbs: readonly IVerb[],
  t: Translate
): string[] {
  const moves = verbs.some(verb => verb.moves);
  const ref = refText(detail.name, alias);
  const sentences = [
    moves
      ? t('%1 is version %2 from now on.', ref, detail.version)
      : t('%1 is version %2 once its policy is met.', ref, detail.version)
  ];
  if (from !== null) {
    sentences.push(t('%1 only loses %2: a rollback is one step.', from, alias));
  }
  if (detail.judgement?.outcome === 'waiting' && detail.judgement.run !== null) {
    sentences.push(
      t('The last approval makes %1 passed; nothing runs again.', detail.judgement.run.name)
    );
  }
  return sentences;
}

function refText(name: string, alias: string): string {
  return `${name}@${alias}`;
}

function recorded(me: IMe | null, digest: string, t: Translate): string {
  return me === null || digest === ''
    ? ''
    : t(
        'Recorded as %1, %2, for content %3. Void if the content changes.',
        me.id,
        me.role,
        shortDigest(digest)
      );
}
