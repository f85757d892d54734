import { useEffect, useState } from 'react';
import type { CSSProperties, ReactElement, ReactNode } from 'react';
import { useNow } from './clock';
import { formatAge, formatElapsed } from './format';
import { Icon } from './icon';

/** What comes within this time needs no placeholder: it would only flash. */
const PATIENCE_MS = 150;

/** Shows its children after 150 ms: the skeleton of what is on its way. */
export function Loading({ children }: { children: ReactNode }): ReactElement | null {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setLate(true), PATIENCE_MS);
    return () => window.clearTimeout(timer);
  }, []);
  return late ? (
    <div aria-busy="true" className="jp-MlopsLab-loading">
      {children}
    </div>
  ) : null;
}

/** A grey bar in the place of a text or a picture. */
export function Skeleton(props: {
  width: number | string;
  height: number;
  round?: boolean;
}): ReactElement {
  const style: CSSProperties = { width: props.width, height: props.height };
  if (props.round) {
    style.borderRadius = '50%';
  }
  return <i className="jp-MlopsLab-skeleton" style={style} aria-hidden />;
}

/** Nothing here yet: what will be, how it gets here, and the buttons that bring it. */
export function Empty(props: {
  title: string;
  text?: ReactNode;
  children?: ReactNode;
}): ReactElement {
  return (
    <div className="jp-MlopsLab-empty">
      <div>
        <div className="jp-MlopsLab-strong">{props.title}</div>
        {props.text !== undefined && (
          <div className="jp-MlopsLab-small jp-MlopsLab-muted">{props.text}</div>
        )}
      </div>
      {props.children}
    </div>
  );
}

/** What cannot be done, why, and the button that mends it. */
export function ErrorBox(props: {
  title: string;
  detail: string;
  /** The file or address it is about. */
  path?: string;
  children?: ReactNode;
}): ReactElement {
  return (
    <div className="jp-MlopsLab-errorbox" role="alert">
      <div className="jp-MlopsLab-strong">{props.title}</div>
      <div className="jp-MlopsLab-small jp-MlopsLab-detail">{props.detail}</div>
      {props.path !== undefined && (
        <div className="jp-MlopsLab-micro-mono jp-MlopsLab-muted jp-MlopsLab-ellipsis">
          {props.path}
        </div>
      )}
      {props.children !== undefined && <div className="jp-MlopsLab-row-flex">{props.children}</div>}
    </div>
  );
}

/** In the place of a list: what cannot be read, why, and the button that asks again. */
export function RetryPlace(props: {
  title: string;
  detail: string;
  retry: string;
  onRetry: () => void;
}): ReactElement {
  return (
    <div className="jp-MlopsLab-error-place">
      <ErrorBox title={props.title} detail={props.detail}>
        <button type="button" className="jp-MlopsLab-button jp-mod-small" onClick={props.onRetry}>
          {props.retry}
        </button>
      </ErrorBox>
    </div>
  );
}

/** What came of a request, for a moment over the foot of a view; read out when it comes. */
export function Said({ text, ok = true }: { text: string; ok?: boolean }): ReactElement {
  return (
    <div className="jp-MlopsLab-said" role="status">
      {text !== '' && (
        <p className={ok ? '' : 'jp-mod-refused'}>
          <Icon name={ok ? 'passed' : 'alert'} size={14} />
          {text}
        </p>
      )}
    </div>
  );
}

/** The data below is old: how old, and the way to ask again. */
export function StaleBar(props: {
  /** When the data came, in ms since the epoch. */
  since: number;
  onRetry: () => void;
  updated?: (age: string) => string;
  retry?: string;
}): ReactElement {
  const now = useNow(1_000);
  const seconds = Math.max(0, (now.getTime() - props.since) / 1000);
  const age = seconds < 60 ? `${Math.floor(seconds)} s` : ageOf(props.since, now, seconds);
  const updated = props.updated ?? ((text: string) => `updated ${text} ago`);
  return (
    <div className="jp-MlopsLab-stalebar" role="status">
      <Icon name="waiting" size={12} />
      <span>{updated(age)}</span>
      <span aria-hidden>·</span>
      <button type="button" className="jp-MlopsLab-link jp-MlopsLab-strong" onClick={props.onRetry}>
        {props.retry ?? 'Retry'}
      </button>
    </div>
  );
}

function ageOf(since: number, now: Date, seconds: number): string {
  return seconds < 3_600 ? formatAge(new Date(since), now) : formatElapsed(seconds);
}
