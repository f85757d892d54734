import { useContext } from 'react';
import type { ReactElement } from 'react';
import { Block, ErrorBox, Loading, Skeleton } from '../../components';
import { LineageGraph } from '../../views/graph';
import type { INode } from '../../views/graph';
import { parseRef } from '../../views/registry/state';
import { useText } from '../../views/text';
import { ActionsContext } from './actions';
import type { IDatasetActions } from './actions';
import type { DatasetModel } from './model';

/** What the version was made from, and what was made of it. */
export function Lineage({ model }: { model: DatasetModel }): ReactElement {
  const t = useText();
  const actions = useContext(ActionsContext);
  const { lineage, name, version } = model;
  const value = lineage?.value ?? null;
  return (
    <div className="jp-MlopsLab-pane">
      <Block title={t('Lineage')} note={t('what it was made from, what was made of it')}>
        {value !== null ? (
          <LineageGraph
            graph={value}
            label={t('Lineage of %1 %2', name, version ?? '')}
            onOpen={node => openNode(node, actions)}
          />
        ) : lineage?.error ? (
          <ErrorBox title={t('The lineage cannot be read')} detail={lineage.error.message}>
            <button
              type="button"
              className="jp-MlopsLab-button jp-mod-small"
              onClick={() => void lineage.refresh()}
            >
              {t('Retry')}
            </button>
          </ErrorBox>
        ) : (
          <Loading>
            <Skeleton width="100%" height={160} />
          </Loading>
        )}
      </Block>
    </div>
  );
}

/** `dataset:flights@3`, `model:flight-delay@5`, `run:<id>`: each opens in the view of its kind. */
function openNode({ id, kind }: INode, actions: IDatasetActions): void {
  const what = id.slice(id.indexOf(':') + 1);
  const about = parseRef(what);
  if (kind === 'run') {
    actions.openRun(what);
  } else if (kind === 'dataset' && about !== null) {
    actions.openDataset(about.name, about.version);
  } else if (kind === 'model' && about !== null) {
    actions.openModel(about.name, about.version);
  }
}
