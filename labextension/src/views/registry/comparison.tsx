import { useState } from 'react';
import type { ReactElement } from 'react';
import { Block } from '../../components/block';
import { useText } from '../text';
import { compareVersions } from './compare';
import type { ILine } from './compare';
import { useHost } from './host';
import { Difference, Unsafe, Value } from './parts';
import type { IModelPage, IVersionDetail } from './state';

/** Two versions side by side. */
export function Comparison(props: {
  page: IModelPage;
  before: IVersionDetail;
  after: IVersionDetail;
}): ReactElement {
  const { page, before, after } = props;
  const t = useText();
  const facts = compareVersions(before, after, page.goals, t);
  const names: [string, string] = [String(before.version), String(after.version)];
  return (
    <>
      <Pick page={page} before={before.version} after={after.version} />
      {[after, before]
        .filter(one => one.unsafe)
        .map(one => (
          <p key={one.version} className="jp-MlopsLab-reg-chips">
            {t('Version %1', one.version)} <Unsafe flavor={one.flavor} />
          </p>
        ))}
      <Block
        title={t('Metrics')}
        note={
          facts.sameRows
            ? t('%1 was judged again on the rows of %2', names[0], names[1])
            : t('each on its own rows: a difference may be the data’s')
        }
      >
        {facts.metrics.length === 0 ? (
          <p className="jp-MlopsLab-muted">{t('Neither has a metric.')}</p>
        ) : (
          <table className="jp-MlopsLab-reg-facts jp-mod-even">
            <thead>
              <tr>
                <th scope="col">{t('metric')}</th>
                <th scope="col" className="jp-MlopsLab-num">
                  {names[0]}
                </th>
                <th scope="col" className="jp-MlopsLab-num">
                  {names[1]}
                </th>
                <th scope="col" className="jp-MlopsLab-num">
                  {t('difference')}
                </th>
              </tr>
            </thead>
            <tbody>
              {facts.metrics.map(line => (
                <tr key={line.key}>
                  <th scope="row">{line.key}</th>
                  <td className="jp-MlopsLab-num jp-MlopsLab-muted">
                    <Value metric={line.key} value={line.before} />
                  </td>
                  <td className="jp-MlopsLab-num">
                    <b>
                      <Value metric={line.key} value={line.after} />
                    </b>
                  </td>
                  <td className="jp-MlopsLab-num">
                    <Difference
                      metric={line.key}
                      value={line.after}
                      before={line.before}
                      direction={line.direction}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Block>
      <Lines title={t('Params')} names={names} lines={facts.params} />
      <Lines title={t('Data')} names={names} lines={facts.data} />
      <Lines title={t('Signature')} names={names} lines={facts.signature} />
      <Lines title={t('Environment')} names={names} lines={facts.environment} />
    </>
  );
}

/** Which two. */
export function Pick(props: { page: IModelPage; before: number; after: number }): ReactElement {
  const { page, before, after } = props;
  const t = useText();
  const { choose } = useHost();
  const options = page.versions.map(({ version, aliases }) => (
    <option key={version} value={version}>
      {[version, ...aliases].join(' · ')}
    </option>
  ));
  return (
    <div className="jp-MlopsLab-reg-pick">
      <label>
        {t('Compare')}
        <select value={after} onChange={event => choose({ version: Number(event.target.value) })}>
          {options}
        </select>
      </label>
      <label>
        {t('with')}
        <select value={before} onChange={event => choose({ other: Number(event.target.value) })}>
          {options}
        </select>
      </label>
    </div>
  );
}

/** Facts of one kind; what is the same is only counted until somebody asks. */
function Lines(props: {
  title: string;
  names: [string, string];
  lines: readonly ILine[];
}): ReactElement | null {
  const { title, names, lines } = props;
  const t = useText();
  const [all, setAll] = useState(false);
  if (lines.length === 0) {
    return null;
  }
  const other = lines.filter(line => !line.same);
  const same = lines.length - other.length;
  const shown = all ? lines : other;
  return (
    <Block
      title={title}
      note={other.length === 0 ? t('no difference') : t('%1 differ', other.length)}
      aside={
        same > 0 && (
          <button
            type="button"
            className="jp-MlopsLab-link jp-MlopsLab-small"
            aria-expanded={all}
            onClick={() => setAll(!all)}
          >
            {all ? t('Only what differs') : t('Show %1 that are the same', same)}
          </button>
        )
      }
    >
      {shown.length > 0 && (
        <table className="jp-MlopsLab-reg-facts jp-mod-even">
          <thead>
            <tr>
              <th scope="col">
                <span className="jp-MlopsLab-unseen">{title}</span>
              </th>
              <th scope="col">{names[0]}</th>
              <th scope="col">{names[1]}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(line => (
              <tr key={line.name} className={line.same ? 'jp-MlopsLab-muted' : ''}>
                <th scope="row">{line.name}</th>
                <td>{line.before}</td>
                <td>{line.same ? line.after : <b>{line.after}</b>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Block>
  );
}
