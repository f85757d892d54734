import { useState } from 'react';
import type { ReactElement } from 'react';
import { Block } from '../../components/block';
import { formatExact, formatTime } from '../../components/format';
import { useText } from '../text';
import { onDay } from './facts';
import { useHost } from './host';
import { Aliases } from './parts';
import type { IAliasMove, IModelPage } from './state';

/** Where each alias stood, when, by whom and why. */
export function History({ page }: { page: IModelPage }): ReactElement {
  const t = useText();
  const aliases = [...new Set(page.history.map(({ alias }) => alias))].sort((a, b) =>
    a === 'champion' ? -1 : b === 'champion' ? 1 : a.localeCompare(b)
  );
  const [chosen, setChosen] = useState<string | null>(null);
  const alias = chosen !== null && aliases.includes(chosen) ? chosen : aliases[0];
  if (alias === undefined) {
    return (
      <Block title={t('History')}>
        <p className="jp-MlopsLab-muted">{t('No alias has stood on any version yet.')}</p>
      </Block>
    );
  }
  const moves = page.history.filter(move => move.alias === alias);
  return (
    <Block
      title={t('History')}
      note={t('which version answered to %1, and since when', alias)}
      aside={
        aliases.length > 1 && (
          <select
            className="jp-MlopsLab-reg-select"
            aria-label={t('Alias')}
            value={alias}
            onChange={event => setChosen(event.target.value)}
          >
            {aliases.map(one => (
              <option key={one}>{one}</option>
            ))}
          </select>
        )
      }
    >
      <OnDay key={alias} alias={alias} moves={page.history} />
      <div className="jp-MlopsLab-reg-scroll">
        <table className="jp-MlopsLab-reg-facts">
          <thead>
            <tr>
              <th scope="col">{t('Version')}</th>
              <th scope="col">{t('From')}</th>
              <th scope="col">{t('Until')}</th>
              <th scope="col">{t('By')}</th>
              <th scope="col">{t('Why')}</th>
            </tr>
          </thead>
          <tbody>
            {moves.map((move, i) => (
              <Move key={i} move={move} />
            ))}
          </tbody>
        </table>
      </div>
      {page.policies.map(policy => (
        <section key={policy.alias} className="jp-MlopsLab-reg-policy">
          <h3>
            {t('To become')} <Aliases aliases={[{ alias: policy.alias }]} />
          </h3>
          <ul>
            {policy.sentences.map((sentence, i) => (
              <li key={i}>{sentence}</li>
            ))}
          </ul>
        </section>
      ))}
    </Block>
  );
}

function Move({ move }: { move: IAliasMove }): ReactElement {
  const t = useText();
  const { choose } = useHost();
  return (
    <tr>
      <th scope="row">
        <button
          type="button"
          className="jp-MlopsLab-link"
          onClick={() => choose({ version: move.version, part: 'versions' })}
        >
          {move.version}
        </button>
      </th>
      <td>
        <Moment at={move.since} />
      </td>
      <td>{move.until === null ? <b>{t('now')}</b> : <Moment at={move.until} />}</td>
      <td>{move.by ?? '–'}</td>
      <td>
        {move.how === 'rollback' && (
          <span className="jp-MlopsLab-badge jp-mod-warn jp-mod-text">{t('rolled back')}</span>
        )}{' '}
        {move.reason}
      </td>
    </tr>
  );
}

function Moment({ at }: { at: string }): ReactElement {
  return (
    <time dateTime={at} title={formatExact(new Date(at))}>
      {formatTime(at)}
    </time>
  );
}

/** "What was champion on that day?" */
function OnDay(props: { alias: string; moves: readonly IAliasMove[] }): ReactElement {
  const { alias, moves } = props;
  const t = useText();
  const [day, setDay] = useState('');
  // The whole day: its end answers for it, as in "on the evening of".
  const at = day === '' ? null : new Date(`${day}T23:59:59.999Z`);
  const found = at === null || Number.isNaN(at.getTime()) ? null : onDay(moves, alias, at);
  return (
    <div className="jp-MlopsLab-reg-onday">
      <label>
        {t('What was %1 on', alias)}
        <input
          type="date"
          className="jp-MlopsLab-reg-select"
          value={day}
          onChange={event => setDay(event.target.value)}
        />
      </label>
      <span role="status">
        {day !== '' &&
          (found === null
            ? t('No version was %1 at the end of that day (UTC).', alias)
            : t('Version %1, by %2.', found.version, found.by ?? t('nobody known')))}
      </span>
    </div>
  );
}
