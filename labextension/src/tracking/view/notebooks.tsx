import type { ReactElement } from 'react';
import { Block, StatusGlyph } from '../../components';
import { useText } from '../../views/text';
import { Cells } from './blocks';
import { notebooks, withCells } from './facts';
import type { IRunData } from './load';
import { Preview } from './previews/preview';

/** The notebooks as they were executed; while one runs, its cells so far. */
export function Notebooks(props: {
  data: IRunData;
  step: string | null;
  onStep: (id: string) => void;
}): ReactElement | null {
  const { data, step, onStep } = props;
  const t = useText();
  const kept = notebooks(data);
  const cells = withCells(data);
  const runs = [data, ...data.steps]
    .map(part => part.run)
    .filter(
      run => kept.some(one => one.owner.id === run.id) || cells.some(part => part.run.id === run.id)
    );
  // Where something went wrong, or is under way, is where one wants to look.
  const telling = runs.find(run => run.status !== 'finished') ?? runs[0];
  const shown = runs.find(run => run.id === step) ?? telling;
  if (shown === undefined) {
    return null;
  }
  const snapshot = kept.find(one => one.owner.id === shown.id);
  return (
    <div className="jp-MlopsLab-pane">
      {runs.length > 1 && (
        <div className="jp-MlopsLab-segmented" role="group" aria-label={t('Step')}>
          {runs.map(run => (
            <button
              key={run.id}
              type="button"
              aria-pressed={run.id === shown.id}
              className={run.id === shown.id ? 'jp-mod-selected' : ''}
              onClick={() => onStep(run.id)}
            >
              <StatusGlyph status={run.status} outcome={run.outcome} />
              {run.name}
            </button>
          ))}
        </div>
      )}
      {snapshot ? (
        <Preview key={snapshot.id} one={snapshot} />
      ) : (
        <Block title={t('Cells')} note={shown.source.notebook ?? undefined}>
          <Cells cells={shown.cells} />
        </Block>
      )}
    </div>
  );
}
