import type { ReactElement } from 'react';
import { Alias, Badge } from '../../components/badge';
import { formatMetric } from '../../components/format';
import { toNumber } from '../number';
import { useText } from '../text';
import { difference } from './facts';
import { useHost } from './host';
import type { Direction, IJudgement, IRunRef, WireNumber } from './state';

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

/** What the gates said of a version, in a word, and whether somebody is asked for it. */
export function GatesBadge(props: {
  judgement: IJudgement | null;
  /** The aliases that it waits for. */
  waiting: readonly string[];
}): ReactElement {
  const { judgement, waiting } = props;
  const t = useText();
  const why = judgement?.sentences.join('\n') || undefined;
  const asked = waiting.length > 0 ? t('waits for approval to become %1', waiting.join(', ')) : why;
  return (
    <>
      {(waiting.length > 0 || judgement?.outcome === 'waiting') && (
        <Badge tone="warn" icon="waiting" title={asked}>
          {t('waiting')}
        </Badge>
      )}
      {judgement === null ? (
        <span className="jp-MlopsLab-muted">{t('not judged')}</span>
      ) : (
        <Judged judgement={judgement} why={why} />
      )}
    </>
  );
}

function Judged(props: { judgement: IJudgement; why: string | undefined }): ReactElement {
  const { outcome, passed, total } = props.judgement;
  const t = useText();
  const count = t('%1 of %2', passed, total);
  return outcome === 'rejected' ? (
    <Badge tone="bad" icon="rejected" title={props.why}>
      {t('rejected')} {count}
    </Badge>
  ) : (
    <Badge tone="good" icon="passed" title={t('%1 gates passed', count)}>
      {count}
    </Badge>
  );
}

/** A run by its name; a way to it where the host has one. */
export function RunLink(props: { run: IRunRef | null; tabIndex?: number }): ReactElement | null {
  const { run, tabIndex } = props;
  return run === null ? null : (
    <ThingLink node={`run:${run.id}`} text={run.name} tabIndex={tabIndex} />
  );
}

/** A thing by its name; a way to it where the host has one. */
export function ThingLink(props: { node: string; text: string; tabIndex?: number }): ReactElement {
  const { node, text, tabIndex } = props;
  const { alive, opens, ask } = useHost();
  const kind = node.split(':', 1)[0];
  return alive && opens.includes(kind) ? (
    <button
      type="button"
      className="jp-MlopsLab-link"
      tabIndex={tabIndex}
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
    <Badge tone="bad" icon="alert" title={t('Loading it can run any code')}>
      {t('unsafe: %1', flavor)}
    </Badge>
  );
}

export function stateIcon(state: string): 'passed' | 'rejected' | 'waiting' {
  return state === 'passed' ? 'passed' : state === 'waiting' ? 'waiting' : 'rejected';
}
