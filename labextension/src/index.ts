import { pipelinesPlugin } from './orchestration/plugin';
import { projectHeaderPlugin, projectPlugin } from './project/plugin';
import { sidebar } from './sidebar';
import { chipPlugin, runsPlugin, statusPlugin } from './tracking/plugin';
import { runViewPlugin } from './tracking/view/plugin';

export default [
  projectPlugin,
  sidebar,
  projectHeaderPlugin,
  runsPlugin,
  chipPlugin,
  statusPlugin,
  runViewPlugin,
  pipelinesPlugin
];
