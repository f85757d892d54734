import { useContext } from 'react';
import type { ReactElement } from 'react';
import { Badge, Block, Icon, formatBytes } from '../../components';
import type { ILoggedModel, IRunDetail } from '../../api/types';
import { useText } from '../../views/text';
import { ActionsContext } from './actions';

/** The models that a run, or a step of it, has logged: what became of each, or the way there. */
export function LoggedModels({ runs }: { runs: readonly IRunDetail[] }): ReactElement | null {
  const t = useText();
  const logged = runs.flatMap(run => run.models.map(model => ({ run: run.id, model })));
  return logged.length === 0 ? null : (
    <Block title={t('Models')}>
      <ul className="jp-MlopsLab-list">
        {logged.map(({ run, model }) => (
          <Logged key={model.id} run={run} model={model} />
        ))}
      </ul>
    </Block>
  );
}

function Logged({ run, model }: { run: string; model: ILoggedModel }): ReactElement {
  const t = useText();
  const actions = useContext(ActionsContext);
  return (
    <li className="jp-MlopsLab-logged">
      <Icon name="model" />
      <div className="jp-MlopsLab-logged-what">
        <div className="jp-MlopsLab-ellipsis" title={model.name}>
          {model.name}{' '}
          <span className="jp-MlopsLab-small jp-MlopsLab-muted">
            {model.unsafe ? '' : `${model.flavor}, `}
            {formatBytes(model.size_bytes)}
          </span>
        </div>
        {model.unsafe && (
          <Badge tone="bad" icon="alert" title={t('Loading it can run any code')}>
            {t('unsafe: %1', model.flavor)}
          </Badge>
        )}
        {model.registered.map(({ model: name, version }) => (
          <button
            key={`${name} ${version}`}
            type="button"
            className="jp-MlopsLab-link jp-MlopsLab-small"
            onClick={() => actions.openInput('model', name, version)}
          >
            {name} {version}
          </button>
        ))}
      </div>
      {model.registered.length === 0 && (
        <button
          type="button"
          className="jp-MlopsLab-button jp-mod-small"
          onClick={() => actions.register(run)}
        >
          {t('Register…')}
        </button>
      )}
    </li>
  );
}
