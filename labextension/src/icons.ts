import { LabIcon } from '@jupyterlab/ui-components';
import type { IconName } from './components/icon-paths';
import { ICON_PATHS } from './components/icon-paths';

/** One of our drawings as an icon of JupyterLab's: in tabs, menus and the activity bar. */
function labIconOf(name: IconName): LabIcon {
  // The group takes the theme's stroke; `fill` must not stand on it, or the theme would fill it.
  const drawing = ICON_PATHS[name].replaceAll('currentColor', '#616161');
  return new LabIcon({
    name: `mlops-lab:${name}`,
    svgstr:
      '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16" fill="none">' +
      '<g class="jp-icon3" stroke="#616161" stroke-width="1.5" stroke-linecap="round" ' +
      `stroke-linejoin="round">${drawing.replaceAll(' fill="#616161"', ' class="jp-icon3" fill="#616161"')}</g></svg>`
  });
}

export const labIcon = labIconOf('lab');
export const runIcon = labIconOf('run');
export const datasetIcon = labIconOf('dataset');
export const modelIcon = labIconOf('model');
export const monitorIcon = labIconOf('monitor');
export const alertIcon = labIconOf('alert');
export const pipelineIcon = labIconOf('pipeline');
export const stopIcon = labIconOf('stop');
export const starIcon = labIconOf('star');
export const trashIcon = labIconOf('trash');
