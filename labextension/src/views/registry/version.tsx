import { useState } from 'react';
import type { ReactElement, ReactNode } from 'react';
import { Block } from '../../components/block';
import { formatBytes, formatDuration, formatTime } from '../../components/format';
import { Icon } from '../../components/icon';
import { Tag } from '../../components/badge';
import { useText } from '../text';
import { commitText } from './compare';
import { flavorText, shortDigest } from './facts';
import { useHost } from './host';
import { RunLink, ThingLink, Unsafe, stateIcon } from './parts';
import type { IField, IVersionDetail } from './state';

/** All that is known of one version: what its gates said, what it was made from, what it takes. */
export function VersionFacts({ detail }: { detail: IVersionDetail }): ReactElement {
  const t = useText();
  return (
    <Block
      title={t('Version %1', detail.version)}
      note={
        <>
          {t('made by %1', detail.author ?? t('nobody known'))}
          {detail.created_at !== null && `, ${formatTime(detail.created_at)}`}
        </>
      }
      aside={<Insert line={detail.python} />}
    >
      {detail.gates.length > 0 && <Gates gates={detail.gates} />}
      <div className="jp-MlopsLab-reg-columns">
        <Facts detail={detail} />
        <div>
          {Object.keys(detail.params).length > 0 && (
            <Pairs
              title={t('Params')}
              pairs={Object.entries(detail.params).map(([key, value]) => [key, paramText(value)])}
            />
          )}
          <Signature detail={detail} />
          <Files detail={detail} />
        </div>
      </div>
    </Block>
  );
}

/** The line that loads it, and its way into a notebook. */
function Insert({ line }: { line: string }): ReactElement {
  const t = useText();
  const { alive, inserts, ask } = useHost();
  return (
    <span className="jp-MlopsLab-reg-line">
      <code>{line}</code>
      {alive && inserts && (
        <button
          type="button"
          className="jp-MlopsLab-button jp-mod-small"
          onClick={() => void ask({ verb: 'insert', text: line })}
        >
          {t('Insert into notebook')}
        </button>
      )}
    </span>
  );
}

export function Gates(props: { gates: IVersionDetail['gates'] }): ReactElement {
  const t = useText();
  return (
    <ul className="jp-MlopsLab-reg-lines" aria-label={t('Gates')}>
      {props.gates.map((gate, i) => (
        <li key={i} className={`jp-mod-${gate.state}`}>
          <Icon name={stateIcon(gate.state)} size={14} label={gate.state} />
          <span>{gate.sentence}</span>
          <code className="jp-MlopsLab-ellipsis" title={gate.expression}>
            {gate.expression}
          </code>
        </li>
      ))}
    </ul>
  );
}

function Facts({ detail }: { detail: IVersionDetail }): ReactElement {
  const t = useText();
  const { code, environment } = detail;
  const facts: [string, ReactNode][] = [
    [
      t('content'),
      <code key="c" title={detail.digest}>
        {shortDigest(detail.digest)}
      </code>
    ],
    [t('format'), detail.unsafe ? <Unsafe flavor={detail.flavor} /> : flavorText(detail, t)],
    [t('size'), formatBytes(detail.size_bytes)]
  ];
  if (detail.run !== null) {
    facts.push([t('run'), <RunLink key="r" run={detail.run} />]);
  }
  if (detail.inputs.length > 0) {
    facts.push([
      t('data'),
      detail.inputs.map(({ dataset, version }, i) => (
        <span key={dataset}>
          {i > 0 && ', '}
          <ThingLink node={`dataset:${dataset}@${version}`} text={`${dataset} ${version}`} />
        </span>
      ))
    ]);
  }
  if (code.notebook !== null) {
    facts.push([t('notebook'), code.notebook]);
  }
  if (code.git_commit !== null) {
    facts.push(['git', <code key="g">{commitText(code.git_commit, code.git_dirty, t)}</code>]);
  }
  if (environment.python !== null) {
    const packages = t('%1 packages', environment.packages);
    facts.push(['python', `${environment.python}, ${packages}`]);
  }
  if (detail.latency_ms !== null) {
    const { p50, p95 } = detail.latency_ms;
    facts.push([
      t('answers in'),
      t('%1, at most %2 for 95 of 100', formatDuration(p50 / 1000), formatDuration(p95 / 1000))
    ]);
  }
  if (detail.verified !== null) {
    facts.push([
      t('verified'),
      <span key="v" className={detail.verified.state === 'ok' ? '' : 'jp-MlopsLab-reg-wrong'}>
        {detail.verified.message}
      </span>
    ]);
  }
  if (Object.keys(detail.tags).length > 0) {
    facts.push([
      t('tags'),
      <span key="t" className="jp-MlopsLab-reg-chips">
        {Object.entries(detail.tags).map(([name, value]) => (
          <Tag key={name} name={name} value={value} />
        ))}
      </span>
    ]);
  }
  return (
    <div>
      <Pairs title={t('Facts')} pairs={facts} />
      <Note detail={detail} />
      {detail.approvals.length > 0 && (
        <Pairs
          title={t('Approvals')}
          pairs={detail.approvals.map(({ by, role, alias, comment, at }) => [
            `${by}, ${role}`,
            [alias && t('for %1', alias), comment, at && formatTime(at)].filter(Boolean).join(' · ')
          ])}
        />
      )}
    </div>
  );
}

/** The note stays editable, whatever else of a version does not. */
function Note({ detail }: { detail: IVersionDetail }): ReactElement | null {
  const t = useText();
  const { may, ask } = useHost();
  const editable = may('models:edit');
  const [text, setText] = useState<string | null>(null);
  const [problem, setProblem] = useState('');
  if (text === null) {
    return detail.note === '' && !editable ? null : (
      <Pairs
        title={t('Note')}
        pairs={[]}
        aside={
          editable && (
            <button
              type="button"
              className="jp-MlopsLab-icon-button"
              aria-label={t('Edit the note')}
              title={t('Edit the note')}
              onClick={() => setText(detail.note)}
            >
              <Icon name="edit" size={14} />
            </button>
          )
        }
      >
        <p className="jp-MlopsLab-reg-note">
          {detail.note === '' ? (
            <span className="jp-MlopsLab-muted">{t('none yet')}</span>
          ) : (
            detail.note
          )}
        </p>
      </Pairs>
    );
  }
  const save = async () => {
    const { name, version } = detail;
    const answer = await ask({ verb: 'note', model: name, version, text: text.trim() });
    setProblem(answer.ok ? '' : answer.sentence);
    if (answer.ok) {
      setText(null);
    }
  };
  return (
    <Pairs title={t('Note')} pairs={[]}>
      <textarea
        className="jp-MlopsLab-reg-text"
        aria-label={t('Note of version %1', detail.version)}
        value={text}
        rows={2}
        autoFocus
        onChange={event => setText(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Escape') {
            event.stopPropagation();
            setText(null);
          }
        }}
      />
      {problem !== '' && (
        <p className="jp-MlopsLab-reg-wrong" role="alert">
          {problem}
        </p>
      )}
      <div className="jp-MlopsLab-row-flex">
        <button
          type="button"
          className="jp-MlopsLab-button jp-mod-small"
          onClick={() => void save()}
        >
          {t('Save')}
        </button>
        <button
          type="button"
          className="jp-MlopsLab-button jp-mod-small jp-mod-quiet"
          onClick={() => setText(null)}
        >
          {t('Cancel')}
        </button>
      </div>
    </Pairs>
  );
}

function Signature({ detail }: { detail: IVersionDetail }): ReactElement | null {
  const t = useText();
  const { signature } = detail;
  if (signature === null) {
    return null;
  }
  const text = ({ type, optional }: IField) => (optional ? t('%1, may be missing', type) : type);
  return (
    <Pairs
      title={t('Signature')}
      note={t('%1 in, %2 out', signature.inputs.length, signature.outputs.length)}
      folds
      pairs={[
        ...signature.inputs.map((field): [string, string] => [field.name, text(field)]),
        ...signature.outputs.map((field): [string, string] => [`→ ${field.name}`, text(field)])
      ]}
    />
  );
}

function Files({ detail }: { detail: IVersionDetail }): ReactElement {
  const t = useText();
  return (
    <>
      <Pairs
        title={t('Files')}
        folds
        note={String(detail.files.length)}
        pairs={detail.files.map(({ path, size_bytes }) => [path, formatBytes(size_bytes)])}
      />
      {detail.types.length > 0 && (
        <Pairs
          title={t('Types inside')}
          folds
          note={
            detail.unsafe
              ? String(detail.types.length)
              : t('%1, all on the allow-list', detail.types.length)
          }
          pairs={detail.types.map(type => [type, ''])}
        />
      )}
    </>
  );
}

/** Names and values under a small title; long ones begin folded. */
function Pairs(props: {
  title: string;
  pairs: readonly (readonly [string, ReactNode])[];
  note?: string;
  folds?: boolean;
  aside?: ReactNode;
  children?: ReactNode;
}): ReactElement {
  const { title, pairs, note, folds = false, aside, children } = props;
  const [open, setOpen] = useState(!folds);
  return (
    <section className="jp-MlopsLab-reg-pairs" aria-label={title}>
      <h3>
        {folds ? (
          <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
            <Icon name={open ? 'caret-down' : 'caret-right'} size={12} />
            {title}
          </button>
        ) : (
          title
        )}
        {note !== undefined && <span className="jp-MlopsLab-muted">{note}</span>}
        {aside}
      </h3>
      {open && pairs.length > 0 && (
        <dl>
          {pairs.map(([name, value], i) => (
            <div key={i}>
              <dt title={name}>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {children}
    </section>
  );
}

function paramText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
