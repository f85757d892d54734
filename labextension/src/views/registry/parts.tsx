import type { ReactElement, ReactNode } from 'react';
import { Alias, Badge } from '../../components/badge';
import { formatMetric } from '../../components/format';
import { Icon } from '../../components/icon';
import { useText } from '../text';
import { difference, toNumber } from './facts';
import { useHost } from './host';
import type { Direction, IJudgement, IRunRef, WireNumber } from './state';

/** A titled part of the page. */
export function Block(props: {
  title: string;
  note?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
}): ReactElement {
  return (
    <section className="jp-MlopsLab-reg-block" aria-label={props.title}>
      <div className="jp-MlopsLab-reg-block-head">
        <h2 className="jp-MlopsLab-h2">{props.title}</h2>
        <span className="jp-MlopsLab-small jp-MlopsLab-muted jp-MlopsLab-ellipsis">
          {props.note}
        </span>
        <span className="jp-MlopsLab-reg-aside">{props.aside}</span>
      </div>
      {props.children}
    </section>
  );
}

/** The aliases of a version, or of a model with their versions; the champion filled. */
export function Aliases(props: {
  aliases: readonly { alias: string; version?: number }[];
}): ReactElement | null {
  if (props.aliases.length === 0) {
    return null;
  }
  return (
    <span className="jp-MlopsLab-reg-chips">
      {props.aliases.map(({ alias, version }) => (
        <Alias key={alias} name={alias} version={version} strong={alias === 'champion'} />
      ))}
    </span>
  );
}

/** A metric's difference: an arrow for its direction, a colour for its judgement, a sign for both. */
export function Difference(props: {
  metric: string;
  value: WireNumber | undefined;
  before: WireNumber | undefined;
  direction: Direction | undefined;
}): ReactElement | null {
  const t = useText();
  const found = difference(props.metric, props.value, props.before, props.direction);
  if (found === null) {
    return null;
  }
  const { text, verdict, up } = found;
  const words = verdict === 'better' ? t('better') : verdict === 'worse' ? t('worse') : undefined;
  return (
    <span className={`jp-MlopsLab-reg-diff jp-mod-${verdict ?? 'same'}`} title={words}>
      {text !== '=' && <i aria-hidden="true">{up ? '▲' : '▼'}</i>}
      {text}
      {words !== undefined && <span className="jp-MlopsLab-unseen"> {words}</span>}
    </span>
  );
}

export function Value(props: { metric: string; value: WireNumber | undefined }): ReactElement {
  return <>{formatMetric(props.metric, toNumber(props.value))}</>;
}

/** What the gates said of a version, in a word. */
export function GatesBadge({ judgement }: { judgement: IJudgement | null }): ReactElement {
  const t = useText();
  if (judgement === null) {
    return <span className="jp-MlopsLab-muted">{t('not judged')}</span>;
  }
  const { outcome, passed, total, sentences } = judgement;
  const why = sentences.join('\n') || undefined;
  const count = t('%1 of %2', passed, total);
  switch (outcome) {
    case 'passed':
      return (
        <Badge tone="good" icon="passed" title={t('%1 gates passed', count)}>
          {count}
        </Badge>
      );
    case 'waiting':
      return (
        <>
          <Badge tone="warn" icon="waiting" title={why}>
            {t('waiting')}
          </Badge>
          <Badge tone="good" icon="passed" title={t('%1 gates passed', count)}>
            {count}
          </Badge>
        </>
      );
    case 'rejected':
      return (
        <Badge tone="bad" icon="rejected" title={why}>
          {t('rejected')} {count}
        </Badge>
      );
  }
}

/** A run by its name; a way to it where the host has one. */
export function RunLink({ run }: { run: IRunRef | null }): ReactElement | null {
  return run === null ? null : <ThingLink node={`run:${run.id}`} text={run.name} />;
}

/** A thing by its name; a way to it where the host has one. */
export function ThingLink({ node, text }: { node: string; text: string }): ReactElement {
  const { alive, opens, ask } = useHost();
  const kind = node.split(':', 1)[0];
  return alive && opens.includes(kind) ? (
    <button
      type="button"
      className="jp-MlopsLab-link"
      onClick={event => {
        event.stopPropagation();
        void ask({ verb: 'open', node });
      }}
    >
      {text}
    </button>
  ) : (
    <span>{text}</span>
  );
}

/** Loading it can run any code: said in red, everywhere. */
export function Unsafe({ flavor }: { flavor: string }): ReactElement {
  const t = useText();
  return (
    <span className="jp-MlopsLab-badge jp-mod-bad" title={t('Loading it can run any code')}>
      <Icon name="alert" size={12} />
      {t('unsafe: %1', flavor)}
    </span>
  );
}

export function stateIcon(state: string): 'passed' | 'rejected' | 'waiting' {
  return state === 'passed' ? 'passed' : state === 'waiting' ? 'waiting' : 'rejected';
}
