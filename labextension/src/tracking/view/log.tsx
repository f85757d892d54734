import { useEffect, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import { ErrorBox } from '../../components';
import { useText } from '../../views/text';
import { withoutAnsi } from './overview';
import { useServices } from './previews/services';

/** How often a running run's log is asked for more. */
const ASK_MS = 1_500;
/** What is kept on screen; the file keeps everything. */
const KEPT_CHARACTERS = 500_000;

/** What a detached run prints, followed while it runs. */
export function Log({ id, live }: { id: string; live: boolean }): ReactElement {
  const t = useText();
  const { client } = useServices();
  const [text, setText] = useState('');
  const [failure, setFailure] = useState<string | null>(null);
  const [read, setRead] = useState(false);
  const pane = useRef<HTMLPreElement>(null);
  const following = useRef(true);
  const offset = useRef(0);

  useEffect(() => {
    let timer = 0;
    let gone = false;
    const ask = async () => {
      let done = false;
      if (document.visibilityState !== 'hidden') {
        try {
          const answer = await client.log(id, offset.current);
          if (gone) {
            return;
          }
          offset.current = answer.offset;
          done = answer.done && answer.offset >= answer.size;
          setText(last => (last + answer.text).slice(-KEPT_CHARACTERS));
          setFailure(null);
          setRead(true);
        } catch (error) {
          setFailure(error instanceof Error ? error.message : String(error));
        }
      }
      if (!gone && !done) {
        timer = window.setTimeout(() => void ask(), ASK_MS);
      }
    };
    void ask();
    return () => {
      gone = true;
      window.clearTimeout(timer);
    };
  }, [client, id, live]);

  useEffect(() => {
    const node = pane.current;
    if (node !== null && following.current) {
      node.scrollTop = node.scrollHeight;
    }
  }, [text]);

  return (
    <div className="jp-MlopsLab-log">
      {failure !== null && <ErrorBox title={t('The log cannot be read')} detail={failure} />}
      <pre
        ref={pane}
        tabIndex={0}
        role="log"
        aria-label={t('Log')}
        onScroll={({ currentTarget: node }) => {
          // Whoever scrolls up reads: the end is followed again from the end on.
          following.current = node.scrollHeight - node.scrollTop - node.clientHeight < 24;
        }}
      >
        {withoutAnsi(text) || (read ? t('Nothing has been printed.') : '')}
      </pre>
    </div>
  );
}
