import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { KeyboardEvent, ReactElement } from 'react';
import { Icon } from '../components';
import { useChanged } from '../state/use';
import { tokenize } from './expression';
import type { RunsModel } from './model';

const HINT_ID = 'jp-MlopsLab-search-problem';

/** The search box: an expression in colour, with its fault under the character. */
export function SearchBox(props: { model: RunsModel; onLeave: () => void }): ReactElement {
  const { model, onLeave } = props;
  useChanged(model);
  const input = useRef<HTMLInputElement>(null);
  const mirror = useRef<HTMLDivElement>(null);
  const [scroll, setScroll] = useState(0);
  useEffect(() => {
    const focus = (): void => {
      input.current?.focus();
      input.current?.select();
    };
    model.searchFocused.connect(focus);
    return () => {
      model.searchFocused.disconnect(focus);
    };
  }, [model]);

  const text = model.search;
  const fault = faultOf(model);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' || event.key === 'ArrowDown') {
      event.preventDefault();
      void model.apply();
      if (event.key === 'ArrowDown') {
        onLeave();
      }
    } else if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      if (text === '') {
        onLeave();
      } else {
        model.type('');
      }
    }
  };
  const mend = (): void => {
    if (fault?.suggestion) {
      const end = fault.position + fault.length;
      model.type(text.slice(0, fault.position) + fault.suggestion + text.slice(end));
      input.current?.focus();
    }
  };
  const { trans } = model;
  return (
    <div className="jp-MlopsLab-search">
      <div className={`jp-MlopsLab-input${model.problem ? ' jp-mod-error' : ''}`}>
        <Icon name="search" size={14} className="jp-MlopsLab-muted" />
        <div className="jp-MlopsLab-search-field">
          <div
            className="jp-MlopsLab-expression"
            ref={mirror}
            style={{ left: -scroll }}
            aria-hidden
          >
            <Colours text={text} fault={fault} />
          </div>
          <input
            ref={input}
            className={text === '' ? '' : 'jp-mod-filled'}
            type="text"
            role="searchbox"
            value={text}
            placeholder={trans.__('Search runs')}
            aria-label={trans.__('Search runs by name or expression')}
            title={trans.__("A name, or an expression: best(auc) > 0.7 and params.model = 'gbm'")}
            aria-invalid={model.problem !== null}
            aria-describedby={model.problem ? HINT_ID : undefined}
            spellCheck={false}
            autoComplete="off"
            onChange={event => {
              model.type(event.target.value);
            }}
            onScroll={event => setScroll(event.currentTarget.scrollLeft)}
            onSelect={event => setScroll(event.currentTarget.scrollLeft)}
            onKeyDown={onKeyDown}
          />
        </div>
        {text === '' ? (
          <span className="jp-MlopsLab-kbd" aria-hidden>
            /
          </span>
        ) : (
          <button
            type="button"
            className="jp-MlopsLab-icon-button"
            aria-label={trans.__('Clear search')}
            onClick={() => {
              model.type('');
              input.current?.focus();
            }}
          >
            <Icon name="close" size={12} />
          </button>
        )}
      </div>
      {model.problem && (
        <Fault model={model} fault={fault} mirror={mirror} scroll={scroll} onMend={mend} />
      )}
    </div>
  );
}

interface IFault {
  position: number;
  length: number;
  suggestion: string | null;
}

/** Where the fault lies in what was typed; null when the problem names no place in it. */
function faultOf(model: RunsModel): IFault | null {
  const problem = model.problem?.problem;
  if (problem?.position === undefined) {
    return null;
  }
  // The server counts characters, a string counts UTF-16 units; and what was typed may be indented.
  const indent = model.search.length - model.search.trimStart().length;
  const units = (count: number): number =>
    [...model.search.trim()].slice(0, count).join('').length + indent;
  const position = Math.min(units(problem.position), model.search.length);
  const end = units(problem.position + (problem.length ?? 1));
  return { position, length: end - position, suggestion: problem.suggestion ?? null };
}

function Colours(props: { text: string; fault: IFault | null }): ReactElement {
  const { text, fault } = props;
  const pieces: ReactElement[] = [];
  let at = 0;
  for (const token of tokenize(text)) {
    // A token is cut where the fault begins and ends.
    const cuts = fault === null ? [] : [fault.position, fault.position + fault.length];
    const bounds = [at, ...cuts.filter(cut => cut > at && cut < at + token.text.length)];
    bounds.forEach((start, index) => {
      const end = bounds[index + 1] ?? at + token.text.length;
      const wrong =
        fault !== null && start >= fault.position && start < fault.position + fault.length;
      pieces.push(
        <span
          key={start}
          className={`jp-mod-${token.kind}${wrong ? ' jp-mod-wrong' : ''}`}
          data-start={start}
        >
          {text.slice(start, end)}
        </span>
      );
    });
    at += token.text.length;
  }
  return (
    <>
      {pieces}
      {fault !== null && fault.position >= text.length && (
        <span className="jp-mod-wrong" data-start={text.length}>
          {' '}
        </span>
      )}
    </>
  );
}

function Fault(props: {
  model: RunsModel;
  fault: IFault | null;
  mirror: React.RefObject<HTMLDivElement | null>;
  scroll: number;
  onMend: () => void;
}): ReactElement {
  const { model, fault, mirror, scroll, onMend } = props;
  const [left, setLeft] = useState<number | null>(null);
  useLayoutEffect(() => {
    const wrong = mirror.current?.querySelectorAll<HTMLElement>('.jp-mod-wrong') ?? [];
    const first = wrong[0];
    const last = wrong[wrong.length - 1];
    const middle = first ? (first.offsetLeft + last.offsetLeft + last.offsetWidth) / 2 : null;
    setLeft(middle === null ? null : middle - scroll);
  }, [mirror, fault, scroll]);
  const { trans } = model;
  const problem = model.problem!.problem;
  const reason = problem.reason ?? model.problem!.message.split('\n')[0];
  // With the right word at hand, the list of all words only pushes the runs down.
  const sentence = fault?.suggestion ? `${reason.split(/[;.] |[;.]$/)[0]}.` : reason;
  return (
    <div className="jp-MlopsLab-fault" role="alert" id={HINT_ID} title={reason}>
      <svg
        width="8"
        height="5"
        viewBox="0 0 8 5"
        style={{ left: left ?? 0, visibility: left === null ? 'hidden' : 'visible' }}
        aria-hidden
      >
        <path d="M4 0 8 5H0z" />
      </svg>
      {sentence}
      {fault?.suggestion && (
        <>
          {' '}
          {trans.__('Did you mean')}{' '}
          <button type="button" className="jp-MlopsLab-link" onClick={onMend}>
            {fault.suggestion}
          </button>
          ?
        </>
      )}
    </div>
  );
}
