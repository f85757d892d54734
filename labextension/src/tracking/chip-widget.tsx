import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import type { ReactElement } from 'react';
import type { INotebookRuns } from '../api/types';
import type { IProjectModel } from '../state/project';
import type { Resource } from '../state/resource';
import { Chip } from './chip';
import { pathInProject } from '../state/path';

export interface IChipWidgetOptions {
  panel: NotebookPanel;
  /** A contents path without its drive. */
  localPath: (path: string) => string;
  projects: IProjectModel;
  serverRoot: string;
  trans: TranslationBundle;
  open: (project: string, id: string) => void;
  stop: (panel: NotebookPanel) => void;
}

/** The chip of one notebook: it stays with the project in which the notebook was found. */
export class ChipWidget extends ReactWidget {
  constructor(private _options: IChipWidgetOptions) {
    super();
    this.addClass('jp-MlopsLab-chip-item');
    _options.projects.changed.connect(this._bind, this);
    _options.panel.context.pathChanged.connect(this._bind, this);
    this._bind();
  }

  protected render(): ReactElement {
    const { panel, trans, open, stop } = this._options;
    return (
      <Chip
        runs={this._runs}
        trans={trans}
        open={id => open(this._key ?? '', id)}
        stop={() => stop(panel)}
      />
    );
  }

  dispose(): void {
    if (!this.isDisposed) {
      this._options.projects.changed.disconnect(this._bind, this);
      this._runs?.dispose();
      super.dispose();
    }
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._look(true);
  }

  protected onBeforeHide(message: Message): void {
    super.onBeforeHide(message);
    this._look(false);
  }

  private _look(active: boolean): void {
    if (this._runs !== null) {
      this._runs.active = active;
    }
  }

  private _bind(): void {
    const { panel, localPath, projects, serverRoot } = this._options;
    const { project, live } = projects;
    if (panel.isDisposed || project === null || live === null) {
      return;
    }
    const contents = localPath(panel.context.path);
    const path = pathInProject(contents, project.path, project.directory, serverRoot);
    if (path === null || (path === this._path && project.key === this._key)) {
      return;
    }
    this._path = path;
    this._key = project.key;
    this._runs?.dispose();
    this._runs = live.resource({ load: client => client.notebook(path) });
    this.update();
  }

  private _runs: Resource<INotebookRuns> | null = null;
  private _path: string | null = null;
  private _key: string | null = null;
}
