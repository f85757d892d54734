import { useState } from 'react';
import type { ReactElement, ReactNode } from 'react';
import { ErrorBox, Icon, Loading, Skeleton, formatBytes } from '../../../components';
import { useText } from '../../../views/text';
import { download } from '../../../components/download';
import { artifactName, viewerOf } from '../facts';
import type { IOwned } from '../facts';
import { Markdown } from './markdown';
import { Notebook } from './notebook';
import { Page, Picture } from './pictures';
import { useLoaded, useServices } from './services';
import type { Loaded } from './services';
import { Table } from './table';
import { Vega } from './vega';

/** Beyond this nothing is fetched without being asked for. */
const LARGE_BYTES = 8_000_000;
/** As much of a text as a person reads here; the rest is in the file. */
const LONG_CHARACTERS = 200_000;

/** An artifact, shown as what its record says it is. */
export function Preview({
  one,
  compact = false
}: {
  one: IOwned;
  compact?: boolean;
}): ReactElement {
  const t = useText();
  const { artifact } = one;
  const size = artifact.size_bytes ?? 0;
  const isChart = viewerOf(artifact) === 'vega'; // fitted to the pane already
  const [wanted, setWanted] = useState(false);
  return (
    <article className="jp-MlopsLab-panel" aria-label={artifact.path}>
      <div className="jp-MlopsLab-panel-head">
        <b className="jp-MlopsLab-ellipsis" title={artifact.path}>
          {artifactName(artifact)}
        </b>
        <span className="jp-MlopsLab-muted">{artifact.kind}</span>
        <span className="jp-MlopsLab-spacer" />
        <span className="jp-MlopsLab-micro jp-MlopsLab-muted jp-MlopsLab-num">
          {formatBytes(size)}
        </span>
        <Download one={one} />
      </div>
      <div className={`jp-MlopsLab-panel-body${compact && !isChart ? ' jp-mod-compact' : ''}`}>
        {size > LARGE_BYTES && !wanted ? (
          <div className="jp-MlopsLab-empty">
            <span>{t('%1 is much to show here.', formatBytes(size))}</span>
            <span>
              <button
                type="button"
                className="jp-MlopsLab-button jp-mod-small"
                onClick={() => setWanted(true)}
              >
                {t('Show it')}
              </button>
            </span>
          </div>
        ) : (
          <Body one={one} />
        )}
      </div>
    </article>
  );
}

function Body({ one }: { one: IOwned }): ReactElement {
  const t = useText();
  switch (viewerOf(one.artifact)) {
    case 'image':
      return <Bytes one={one}>{blob => <Picture blob={blob} one={one} />}</Bytes>;
    case 'page':
      return <Texts one={one}>{text => <Page source={text} one={one} />}</Texts>;
    case 'markdown':
      return <Texts one={one}>{text => <Markdown source={text} />}</Texts>;
    case 'json':
      return <Texts one={one}>{text => <Plain text={indented(text)} />}</Texts>;
    case 'text':
      return <Texts one={one}>{text => <Plain text={text} />}</Texts>;
    case 'vega':
      return <Texts one={one}>{text => <Vega source={text} />}</Texts>;
    case 'notebook':
      return <Texts one={one}>{text => <Notebook source={text} />}</Texts>;
    case 'table':
      return <Table one={one} />;
    case 'none':
      return (
        <dl className="jp-MlopsLab-kv">
          <div>
            <dt>{t('type')}</dt>
            <dd>{one.artifact.media_type ?? t('unknown')}</dd>
          </div>
          {one.artifact.digest !== null && (
            <div>
              <dt>{t('content')}</dt>
              <dd>
                <code title={one.artifact.digest}>{one.artifact.digest.slice(0, 19)}…</code>
              </dd>
            </div>
          )}
        </dl>
      );
  }
}

function Bytes(props: { one: IOwned; children: (blob: Blob) => ReactNode }): ReactElement {
  return <Ready loaded={useBytes(props.one)}>{props.children}</Ready>;
}

function Texts(props: { one: IOwned; children: (text: string) => ReactNode }): ReactElement {
  const { client } = useServices();
  const { owner, artifact } = props.one;
  const loaded = useLoaded(keyOf(props.one), async () =>
    (await client.artifact(owner.id, artifact.path)).text()
  );
  return <Ready loaded={loaded}>{props.children}</Ready>;
}

function useBytes(one: IOwned): Loaded<Blob> {
  const { client } = useServices();
  return useLoaded(keyOf(one), () => client.artifact(one.owner.id, one.artifact.path));
}

function keyOf(one: IOwned): string {
  return `${one.id} ${one.artifact.digest ?? one.artifact.created_at}`;
}

/** What has been loaded; until then its skeleton, and the cause when it failed. */
export function Ready<T>(props: {
  loaded: Loaded<T>;
  children: (value: T) => ReactNode;
}): ReactElement {
  const t = useText();
  const { loaded } = props;
  if (loaded.state === 'ready') {
    return <>{props.children(loaded.value)}</>;
  }
  if (loaded.state === 'loading') {
    return (
      <Loading>
        <Skeleton width="100%" height={120} />
      </Loading>
    );
  }
  return (
    <ErrorBox title={t('It cannot be shown')} detail={loaded.error.message}>
      <button type="button" className="jp-MlopsLab-button jp-mod-small" onClick={loaded.retry}>
        {t('Retry')}
      </button>
    </ErrorBox>
  );
}

function Plain({ text }: { text: string }): ReactElement {
  const t = useText();
  const cut = text.length > LONG_CHARACTERS;
  return (
    <>
      <pre className="jp-MlopsLab-plain" tabIndex={0}>
        {cut ? text.slice(0, LONG_CHARACTERS) : text}
      </pre>
      {cut && <p className="jp-MlopsLab-muted">{t('The rest is in the file.')}</p>}
    </>
  );
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // Python writes NaN, which JSON has no word for.
  }
}

function Download({ one }: { one: IOwned }): ReactElement {
  const t = useText();
  const { client } = useServices();
  const [failure, setFailure] = useState<string | null>(null);
  const save = async () => {
    try {
      const blob = await client.artifact(one.owner.id, one.artifact.path);
      download(blob, one.artifact.path.split('/').pop() ?? 'artifact');
      setFailure(null);
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <button
      type="button"
      className="jp-MlopsLab-icon-button"
      title={failure ?? t('Download')}
      onClick={() => void save()}
    >
      <Icon name={failure === null ? 'download' : 'alert'} size={14} label={t('Download')} />
    </button>
  );
}
