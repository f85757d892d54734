import type { TranslationBundle } from '@jupyterlab/translation';
import type { MouseEvent, ReactElement } from 'react';
import { Badge, Icon } from '../components';
import type { IProjectModel } from '../state/project';
import { useChanged } from '../state/use';

export interface IHeaderProps {
  projects: IProjectModel;
  trans: TranslationBundle;
  /** Open a menu below its button. */
  openSwitcher: (at: DOMRect) => void;
  openMenu: (at: DOMRect) => void;
}

/** Which project the sidebar is about, and the way to the others. */
export function ProjectHeader(props: IHeaderProps): ReactElement {
  const { projects, trans, openSwitcher, openMenu } = props;
  useChanged(projects);
  const { project } = projects;
  const below = (open: (at: DOMRect) => void) => (event: MouseEvent<HTMLElement>) =>
    open(event.currentTarget.getBoundingClientRect());
  const name = project?.name ?? (projects.loading ? '' : trans.__('No project here'));
  return (
    <header className="jp-MlopsLab-project">
      <button
        type="button"
        className="jp-MlopsLab-switcher"
        aria-haspopup="menu"
        aria-label={trans.__('Project %1: switch to another', name)}
        title={project?.directory ?? trans.__('This folder belongs to no project')}
        onClick={below(openSwitcher)}
      >
        <b className="jp-MlopsLab-ellipsis">{name}</b>
        <Icon name="caret-down" size={12} className="jp-MlopsLab-muted" />
      </button>
      {project?.read_only && (
        <Badge title={trans.__('This project can be read, not written')}>
          {trans.__('read-only')}
        </Badge>
      )}
      <span className="jp-MlopsLab-spacer" />
      <button
        type="button"
        className="jp-MlopsLab-icon-button"
        aria-haspopup="menu"
        aria-label={trans.__('More')}
        title={trans.__('More')}
        onClick={below(openMenu)}
      >
        <Icon name="more" size={14} />
      </button>
    </header>
  );
}
