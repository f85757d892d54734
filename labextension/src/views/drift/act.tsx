import { useEffect, useId, useRef, useState } from 'react';
import type { FormEvent, ReactElement } from 'react';
import { useText } from '../text';
import type { ISaid } from './context';
import { useHost } from './host';
import type { AlertVerb, IAlertRow } from './state';

/** The spans for which one usually wants to hear nothing, as the server reads them. */
export const UNTIL = ['1d', '7d', '30d'] as const;

/** What can be done about an alert in each state. */
export const VERBS: Readonly<Record<IAlertRow['status'], readonly AlertVerb[]>> = {
  open: ['acknowledge', 'mute', 'resolve'],
  acknowledged: ['mute', 'resolve'],
  muted: ['resolve', 'reopen'],
  resolved: ['reopen']
};

/** Decide about an alert: what, why, and for how long. */
export function Act(props: { row: IAlertRow; onSaid: (said: ISaid) => void }): ReactElement | null {
  const { row, onSaid } = props;
  const t = useText();
  const { may, ask } = useHost();
  const [verb, setVerb] = useState<AlertVerb | null>(null);
  const [comment, setComment] = useState('');
  const [until, setUntil] = useState<string>('7d');
  const [refused, setRefused] = useState('');
  const [busy, setBusy] = useState(false);
  const id = useId();
  const acts = useRef<HTMLDivElement>(null);
  // The keyboard goes back to the button that opened the form; after a decision, which changes what
  // can be done, to all of them.
  const [left, setLeft] = useState<AlertVerb | 'done' | null>(null);
  useEffect(() => {
    if (left !== null) {
      const button = acts.current?.querySelector<HTMLElement>(`[data-verb="${left}"]`);
      (button ?? acts.current)?.focus();
      setLeft(null);
    }
  }, [left]);
  const labels: Record<AlertVerb, string> = {
    acknowledge: t('Acknowledge'),
    mute: t('Mute'),
    resolve: t('Resolve'),
    reopen: t('Reopen')
  };
  if (!may('alerts:edit')) {
    return null;
  }
  const leave = (done = false) => {
    setLeft(done ? 'done' : verb);
    setVerb(null);
    setRefused('');
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (verb === null || busy) {
      return;
    }
    setBusy(true);
    const text = comment.trim();
    void ask(
      verb === 'mute'
        ? { verb, alert: row.id, comment: text, until }
        : { verb, alert: row.id, comment: text }
    ).then(({ ok, sentence }) => {
      setBusy(false);
      if (ok) {
        setComment('');
        leave(true);
        onSaid({ ok, sentence });
      } else {
        setRefused(sentence);
      }
    });
  };
  if (verb === null) {
    return (
      <div
        ref={acts}
        className="jp-MlopsLab-drift-acts"
        role="group"
        aria-label={t('Decide')}
        tabIndex={-1}
      >
        {VERBS[row.status].map(one => (
          <button
            key={one}
            type="button"
            className="jp-MlopsLab-button jp-mod-small"
            data-verb={one}
            onClick={() => setVerb(one)}
          >
            {labels[one]}…
          </button>
        ))}
      </div>
    );
  }
  return (
    <form
      className="jp-MlopsLab-drift-act"
      onSubmit={onSubmit}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          leave();
        }
      }}
    >
      <label htmlFor={`${id}-why`} className="jp-MlopsLab-small">
        {verb === 'mute'
          ? t('Nobody is told of it again until then. Why?')
          : verb === 'resolve'
            ? t('It is over for all. Why?')
            : verb === 'reopen'
              ? t('It needs somebody again. Why?')
              : t('You look after it. What will you do?')}
      </label>
      <textarea
        id={`${id}-why`}
        rows={2}
        value={comment}
        autoFocus
        onChange={event => setComment(event.target.value)}
      />
      {verb === 'mute' && (
        <label className="jp-MlopsLab-small jp-MlopsLab-row-flex">
          {t('For')}
          <select value={until} onChange={event => setUntil(event.target.value)}>
            {UNTIL.map(one => (
              <option key={one} value={one}>
                {one === '1d' ? t('1 day') : t('%1 days', parseInt(one, 10))}
              </option>
            ))}
          </select>
        </label>
      )}
      {refused !== '' && (
        <p className="jp-MlopsLab-small jp-MlopsLab-drift-refused" role="alert">
          {refused}
        </p>
      )}
      <div className="jp-MlopsLab-row-flex">
        <button
          type="submit"
          className="jp-MlopsLab-button jp-mod-small jp-mod-accept"
          disabled={busy}
        >
          {labels[verb]}
        </button>
        <button type="button" className="jp-MlopsLab-button jp-mod-small" onClick={() => leave()}>
          {t('Cancel')}
        </button>
      </div>
    </form>
  );
}
