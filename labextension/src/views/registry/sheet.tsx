import { useEffect, useId, useRef, useState } from 'react';
import type { KeyboardEvent, ReactElement, ReactNode } from 'react';
import { formatBytes, formatDuration, formatTime } from '../../components/format';
import { Icon } from '../../components/icon';
import { useText } from '../text';
import type { Translate } from '../text';
import { sameRowMetrics } from './compare';
import { before, current, metricKeys, shortDigest } from './facts';
import { useHost } from './host';
import { Aliases, Difference, Value, stateIcon } from './parts';
import type {
  Decision,
  IApprovalRequest,
  IMe,
  IModelPage,
  IPromotion,
  IVersionDetail,
  IVersionRow
} from './state';

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
  const verbs = verbsOf(promotion, request, t);
  const from = promotion?.from ?? null;
  const since = current(page.history, alias)?.since;
  return (
    <Frame title={titleOf(detail, verbs, t)} onClose={onClose}>
      <div className="jp-MlopsLab-reg-becomes">
        <span>{t('becomes')}</span>
        {detail.promotions.length > 1 ? (
          <AliasSelect
            alias={alias}
            all={detail.promotions.map(one => one.alias)}
            onAlias={onAlias}
          />
        ) : (
          <Aliases aliases={[{ alias }]} />
        )}
        <span className="jp-MlopsLab-muted">
          {from === null
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
            ? t('No policy is known for %1.', alias)
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
  const back = before(page.history, alias);
  const row = page.versions.find(one => one.version === back?.version) ?? null;
  const verbs: IVerb[] =
    row === null
      ? []
      : [{ verb: 'rollback', label: t('Roll back to %1', row.version), destroys: true }];
  return (
    <Frame title={t('Roll back %1', page.model.name)} onClose={onClose}>
      <div className="jp-MlopsLab-reg-becomes">
        {page.model.aliases.length > 1 ? (
          <AliasSelect
            alias={alias}
            all={page.model.aliases.map(one => one.alias)}
            onAlias={onAlias}
          />
        ) : (
          <Aliases aliases={[{ alias, version: now?.version }]} />
        )}
        {back !== null && <span>{t('goes back to %1', back.version)}</span>}
      </div>
      {back !== null && now !== null && (
        <>
          <Part title={t('What is known of %1', back.version)}>
            <ul className="jp-MlopsLab-reg-changes">
              <li>
                {t(
                  'It was %1 from %2 to %3.',
                  alias,
                  formatTime(back.since),
                  formatTime(back.until ?? now.since)
                )}
              </li>
              {back.reason !== '' && <li>{t('It became so because: %1', back.reason)}</li>}
            </ul>
          </Part>
          <Part title={t('What changes')}>
            <ul className="jp-MlopsLab-reg-changes">
              <li>
                {t('%1 is version %2 from now on.', refText(page.model.name, alias), back.version)}
              </li>
              <li>{t('%1 loses %2 and stays in the registry.', now.version, alias)}</li>
            </ul>
          </Part>
        </>
      )}
      <Decide
        verbs={verbs}
        why_not={row === null ? t('%1 has stood on no other version yet.', alias) : null}
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

function AliasSelect(props: {
  alias: string;
  all: readonly string[];
  onAlias: (alias: string) => void;
}): ReactElement {
  const t = useText();
  return (
    <select
      className="jp-MlopsLab-reg-select"
      aria-label={t('Alias')}
      value={props.alias}
      onChange={event => props.onAlias(event.target.value)}
    >
      {props.all.map(one => (
        <option key={one}>{one}</option>
      ))}
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

/** The version beside what it would replace, on the same rows where that was judged. */
function Evidence(props: { page: IModelPage; detail: IVersionDetail; from: number }): ReactElement {
  const { page, detail, from } = props;
  const t = useText();
  const old = page.versions.find(one => one.version === from);
  if (old === undefined) {
    return <></>;
  }
  const { metrics, sameRows } = sameRowMetrics(old, detail);
  const keys = metricKeys(page).filter(key => key in metrics || key in detail.metrics);
  return (
    <table className="jp-MlopsLab-reg-facts">
      <thead>
        <tr>
          <th scope="col">{sameRows ? t('Same rows') : t('Each on its own rows')}</th>
          <th scope="col" className="jp-MlopsLab-num">
            {from}
          </th>
          <th scope="col" className="jp-MlopsLab-num">
            {detail.version}
          </th>
          <th scope="col" className="jp-MlopsLab-num">
            <span className="jp-MlopsLab-unseen">{t('difference')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map(key => (
          <tr key={key}>
            <th scope="row">{key}</th>
            <td className="jp-MlopsLab-num jp-MlopsLab-muted">
              <Value metric={key} value={metrics[key]} />
            </td>
            <td className="jp-MlopsLab-num">
              <b>
                <Value metric={key} value={detail.metrics[key]} />
              </b>
            </td>
            <td className="jp-MlopsLab-num">
              <Difference
                metric={key}
                value={detail.metrics[key]}
                before={metrics[key]}
                direction={page.goals[key]}
              />
            </td>
          </tr>
        ))}
        <Sizes old={old} detail={detail} />
      </tbody>
    </table>
  );
}

function Sizes(props: { old: IVersionRow; detail: IVersionDetail }): ReactElement {
  const { old, detail } = props;
  const t = useText();
  return (
    <>
      {detail.latency_ms !== null && !('latency_p95_ms' in detail.metrics) && (
        <tr>
          <th scope="row">{t('answer time p95')}</th>
          <td />
          <td className="jp-MlopsLab-num">{formatDuration(detail.latency_ms.p95 / 1000)}</td>
          <td />
        </tr>
      )}
      <tr>
        <th scope="row">{t('size')}</th>
        <td className="jp-MlopsLab-num jp-MlopsLab-muted">{formatBytes(old.size_bytes)}</td>
        <td className="jp-MlopsLab-num">
          <b>{formatBytes(detail.size_bytes)}</b>
        </td>
        <td className="jp-MlopsLab-num">
          <Difference
            metric="size_bytes"
            value={detail.size_bytes}
            before={old.size_bytes}
            direction={undefined}
          />
        </td>
      </tr>
    </>
  );
}

interface IVerb {
  verb: Decision;
  label: string;
  /** Whether the alias moves with it. */
  moves?: boolean;
  destroys?: boolean;
}

/** Why, and the buttons: the last one is the filled one. */
function Decide(props: {
  verbs: readonly IVerb[];
  why_not: string | null;
  small: string;
  about: { model: string; version: number; alias: string; digest: string };
  onDone: (sentence: string) => void;
}): ReactElement {
  const { verbs, why_not, small, about, onDone } = props;
  const t = useText();
  const { alive, ask } = useHost();
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState<Decision | null>(null);
  const box = useRef<HTMLTextAreaElement>(null);
  const id = useId();
  if (!alive || verbs.length === 0) {
    return (
      <p className="jp-MlopsLab-reg-whynot" role="status">
        {alive
          ? (why_not ?? t('There is nothing to decide.'))
          : t('Nobody is there to decide with: open it in JupyterLab, or run the cell.')}
      </p>
    );
  }
  const decide = async (verb: Decision) => {
    const reason = text.trim();
    if (reason === '') {
      setProblem(t('A reason is needed: it is kept in the decision log.'));
      box.current?.focus();
      return;
    }
    setBusy(verb);
    const answer = await ask({ verb, ...about, text: reason });
    setBusy(null);
    if (answer.ok) {
      onDone(answer.sentence);
    } else {
      setProblem(answer.sentence);
    }
  };
  const [main, ...others] = [...verbs].reverse();
  return (
    <form
      className="jp-MlopsLab-reg-decide"
      onSubmit={event => {
        event.preventDefault();
        void decide(main.verb);
      }}
    >
      <label htmlFor={id}>
        <b>{t('Reason')}</b>{' '}
        <span className="jp-MlopsLab-muted">{t('required, kept in the decision log')}</span>
      </label>
      <textarea
        ref={box}
        id={id}
        className="jp-MlopsLab-reg-text"
        rows={3}
        value={text}
        aria-required="true"
        aria-invalid={problem !== '' && text.trim() === ''}
        onChange={event => {
          setText(event.target.value);
          setProblem('');
        }}
        onKeyDown={event => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            event.stopPropagation();
            void decide(main.verb);
          }
        }}
      />
      {problem !== '' && (
        <p className="jp-MlopsLab-reg-wrong" role="alert">
          {problem}
        </p>
      )}
      <p className="jp-MlopsLab-micro jp-MlopsLab-muted">{small}</p>
      <div className="jp-MlopsLab-reg-buttons">
        {others.reverse().map(one => (
          <button
            key={one.verb}
            type="button"
            className={`jp-MlopsLab-button${one.destroys ? ' jp-mod-warn' : ''}`}
            disabled={busy !== null}
            onClick={() => void decide(one.verb)}
          >
            {one.label}
          </button>
        ))}
        <span className="jp-MlopsLab-spacer" />
        <button
          type="submit"
          className={`jp-MlopsLab-button ${main.destroys ? 'jp-mod-danger' : 'jp-mod-accept'}`}
          disabled={busy !== null}
        >
          {busy === main.verb ? t('Deciding…') : main.label}
        </button>
      </div>
    </form>
  );
}

/** What may be done, the usual last. */
export function verbsOf(
  promotion: IPromotion | null,
  request: IApprovalRequest | null,
  t: Translate
): IVerb[] {
  if (promotion === null || promotion.state === 'current') {
    return [];
  }
  const verbs: IVerb[] = [];
  if (promotion.may_approve && (request?.may_approve ?? true)) {
    const last = request === null || request.approvals.length + 1 >= request.needs;
    const met = promotion.lines.filter(line => line.state === 'failed').length === 0;
    verbs.push({ verb: 'reject', label: t('Reject'), destroys: true });
    const moves = last && met && request !== null;
    verbs.push({
      verb: 'approve',
      label: moves ? t('Approve and promote') : t('Approve'),
      moves
    });
  }
  if (promotion.may_promote) {
    verbs.push({ verb: 'promote', label: t('Promote to %1', promotion.alias), moves: true });
  } else if (promotion.may_request && request === null) {
    verbs.push({ verb: 'request', label: t('Ask for approval') });
  }
  return verbs;
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
