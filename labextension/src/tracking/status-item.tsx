import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { ReactElement } from 'react';
import type { ProjectClient } from '../api/client';
import type { IRuns } from '../api/types';
import { Icon, StatusGlyph, formatValue } from '../components';
import type { IProjectModel } from '../state/project';
import type { Resource } from '../state/resource';
import { useChanged } from '../state/use';

export interface IStatusItemProps {
  projects: IProjectModel;
  /** The running runs; null without a project. */
  running: Resource<IRuns> | null;
  trans: TranslationBundle;
  open: () => void;
}

/** The project and what runs in it, at the foot of the page. */
export function StatusItem(props: IStatusItemProps): ReactElement | null {
  const { projects, running, trans, open } = props;
  useChanged(projects);
  useChanged(running);
  const { project } = projects;
  if (project === null) {
    return null;
  }
  const count = running?.value?.total ?? 0;
  const metric = running?.value?.runs[0]?.metric ?? null;
  return (
    <button
      type="button"
      className="jp-MlopsLab-statusitem"
      title={trans.__('Show MLOps Lab')}
      onClick={open}
    >
      <Icon name="lab" size={14} />
      <span className="jp-MlopsLab-ellipsis">{project.name}</span>
      {count > 0 && (
        <>
          <StatusGlyph status="running" label={trans.__('running')} />
          <span>
            {trans._n('%1 running', '%1 running', count)}
            {metric !== null && ` · ${metric.key} ${formatValue(metric.value, 2)}`}
          </span>
        </>
      )}
    </button>
  );
}

/** The status bar's widget: it follows the current project. */
export class StatusWidget extends ReactWidget {
  constructor(private _options: Omit<IStatusItemProps, 'running'>) {
    super();
    this.addClass('jp-MlopsLab-root');
    _options.projects.changed.connect(this._follow, this);
    this._follow();
  }

  dispose(): void {
    if (!this.isDisposed) {
      this._options.projects.changed.disconnect(this._follow, this);
      this._running?.dispose();
      super.dispose();
    }
  }

  protected render(): ReactElement {
    return <StatusItem {...this._options} running={this._running} />;
  }

  private _follow(): void {
    const { key, live } = this._options.projects;
    if (key !== this._key) {
      this._key = key;
      this._running?.dispose();
      const where = "status = 'running'";
      const load = (client: ProjectClient): Promise<IRuns> =>
        client.runs({ where, limit: 1, sparkline: undefined });
      this._running = live?.resource({ load }) ?? null;
      this.update();
    }
  }

  private _running: Resource<IRuns> | null = null;
  private _key: string | null = null;
}
