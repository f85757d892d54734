import type { ReactElement } from 'react';
import { useText } from '../../views/text';
import { allArtifacts, isPicture } from './facts';
import type { IOwned } from './facts';
import type { IRunData } from './load';
import { ArtifactRow } from './overview';
import { Preview } from './previews/preview';

/** All artifacts beside the one that was chosen. */
export function Artifacts(props: {
  data: IRunData;
  chosen: string | null;
  onChoose: (id: string) => void;
}): ReactElement {
  const { data, chosen, onChoose } = props;
  const t = useText();
  const all = allArtifacts(data);
  const groups = new Map<string, IOwned[]>();
  for (const one of all) {
    groups.set(one.owner.id, [...(groups.get(one.owner.id) ?? []), one]);
  }
  const previewed = all.find(one => one.id === chosen) ?? all.find(isPicture) ?? all[0];
  return (
    <div className="jp-MlopsLab-master">
      <nav className="jp-MlopsLab-master-list" aria-label={t('Artifacts')}>
        {[...groups.values()].map(group => (
          <div key={group[0].owner.id}>
            {groups.size > 1 && <h2 className="jp-MlopsLab-h2">{group[0].owner.name}</h2>}
            <ul className="jp-MlopsLab-artifacts">
              {group.map(one => (
                <ArtifactRow
                  key={one.id}
                  one={one}
                  selected={one.id === previewed?.id}
                  onChoose={() => onChoose(one.id)}
                />
              ))}
            </ul>
          </div>
        ))}
      </nav>
      <div className="jp-MlopsLab-master-detail">
        {previewed && <Preview key={previewed.id} one={previewed} />}
      </div>
    </div>
  );
}
