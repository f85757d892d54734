import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';
import type { INotebookRuns } from '../api/types';
import { Icon, StatusGlyph, formatValue } from '../components';
import type { Resource } from '../state/resource';
import { useChanged } from '../state/use';

export interface IChipProps {
  runs: Resource<INotebookRuns> | null;
  trans: TranslationBundle;
  open: (id: string) => void;
  stop: () => void;
}

/** The notebook's run in its toolbar: status, name, goal metric, and *Stop* while it runs. */
export function Chip({ runs, trans, open, stop }: IChipProps): ReactElement | null {
  useChanged(runs);
  const run = runs?.value?.active ?? runs?.value?.last ?? null;
  if (run === null) {
    return null;
  }
  const { metric } = run;
  return (
    <span
      className="jp-MlopsLab-root jp-MlopsLab-runchip"
      role="group"
      aria-label={trans.__('The run of this notebook')}
    >
      <button type="button" title={run.reason ?? run.subline} onClick={() => open(run.id)}>
        <StatusGlyph status={run.status} outcome={run.outcome} />
        <span className="jp-MlopsLab-ellipsis">
          {run.name}
          {metric !== null && (
            <>
              <span className="jp-MlopsLab-muted"> · </span>
              {metric.key} {formatValue(metric.value, 2)}
            </>
          )}
        </span>
      </button>
      {run.status === 'running' && (
        <button type="button" aria-label={trans.__('Stop %1', run.name)} onClick={stop}>
          <Icon name="stop" size={12} />
          {trans.__('Stop')}
        </button>
      )}
    </span>
  );
}
