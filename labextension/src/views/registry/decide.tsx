import { useId, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import { useText } from '../text';
import type { Translate } from '../text';
import { useHost } from './host';
import type { Decision, IApprovalRequest, IPromotion } from './state';

/** One of the things that may be decided. */
export interface IVerb {
  verb: Decision;
  label: string;
  /** Whether the alias moves with it. */
  moves?: boolean;
  destroys?: boolean;
}

/** Why, and the buttons: the last one is the filled one. */
export function Decide(props: {
  verbs: readonly IVerb[];
  why_not: string | null;
  small: string;
  about: { model: string; version: number; alias: string; digest: string };
  onDone: (sentence: string) => void;
}): ReactElement {
  const { verbs, why_not, small, about, onDone } = props;
  const t = useText();
  const { alive, busy: hostBusy, ask } = useHost();
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState<Decision | null>(null);
  const asking = useRef(false);
  const box = useRef<HTMLTextAreaElement>(null);
  const id = useId();
  if (!alive || verbs.length === 0) {
    return (
      <p className="jp-MlopsLab-reg-whynot" role="status">
        {alive
          ? (why_not ?? t('There is nothing to decide.'))
          : hostBusy
            ? t('The kernel is busy: this can be decided when its cell is done.')
            : t('Nobody is there to decide with: open it in JupyterLab, or run the cell.')}
      </p>
    );
  }
  const decide = async (verb: Decision) => {
    if (asking.current) {
      return;
    }
    const reason = text.trim();
    if (reason === '') {
      setProblem(t('A reason is needed: it is kept in the decision log.'));
      box.current?.focus();
      return;
    }
    asking.current = true;
    setBusy(verb);
    const answer = await ask({ verb, ...about, text: reason });
    asking.current = false;
    setBusy(null);
    if (answer.ok) {
      onDone(answer.sentence);
    } else {
      setProblem(answer.sentence);
    }
  };
  const [main, ...others] = [...verbs].reverse();
  // The buttons are never `disabled`: the one that was pressed would lose the keyboard.
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
            aria-disabled={busy !== null}
            onClick={() => void decide(one.verb)}
          >
            {one.label}
          </button>
        ))}
        <span className="jp-MlopsLab-spacer" />
        <button
          type="submit"
          className={`jp-MlopsLab-button ${main.destroys ? 'jp-mod-danger' : 'jp-mod-accept'}`}
          aria-disabled={busy !== null}
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

/** What may be done with an alias that nobody has used and no policy speaks of. */
export function freely(alias: string, may: boolean, t: Translate): IVerb[] {
  return may ? [{ verb: 'promote', label: t('Promote to %1', alias), moves: true }] : [];
}
