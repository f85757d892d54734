import { dataPlugin } from './data/plugin';
import { datasetViewPlugin } from './data/view/plugin';
import { monitorViewPlugin } from './monitoring/plugin';
import { monitorsPlugin } from './monitoring/sidebar';
import { pipelinesPlugin } from './orchestration/plugin';
import { projectHeaderPlugin, projectPlugin } from './project/plugin';
import { registryViewPlugin } from './registry/plugin';
import { registryPlugin } from './registry/sidebar';
import { reportsPlugin } from './reports/plugin';
import { sidebar } from './sidebar';
import { chipPlugin, runsPlugin, statusPlugin } from './tracking/plugin';
import { savedViewsPlugin } from './tracking/saved-views';
import { runViewPlugin } from './tracking/view/plugin';

export default [
  projectPlugin,
  sidebar,
  projectHeaderPlugin,
  runsPlugin,
  chipPlugin,
  statusPlugin,
  runViewPlugin,
  savedViewsPlugin,
  registryPlugin,
  registryViewPlugin,
  monitorsPlugin,
  monitorViewPlugin,
  pipelinesPlugin,
  dataPlugin,
  datasetViewPlugin,
  reportsPlugin
];
