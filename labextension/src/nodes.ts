import type { CommandRegistry } from '@lumino/commands';
import { CommandIDs } from './commands';
import { parseRef } from './views/registry/state';

/** Show what a node stands for: `run:<id>`, `dataset:flights@3`, `model:gbm@2`, a monitor's file. */
export function openNode(commands: CommandRegistry, project: string, node: string): void {
  const [kind, id] = [node.slice(0, node.indexOf(':')), node.slice(node.indexOf(':') + 1)];
  const about = parseRef(id);
  if (kind === 'run') {
    void commands.execute(CommandIDs.openRun, { project, id });
  } else if (kind === 'monitor') {
    void commands.execute(CommandIDs.editMonitor, { project, name: id });
  } else if (kind === 'dataset' && about !== null) {
    void commands.execute(CommandIDs.openDataset, { project, ...about });
  } else if (kind === 'model' && about !== null) {
    void commands.execute(CommandIDs.openModel, { project, ...about });
  }
}
