import type { ProjectClient } from '../api/client';
import type { IModelRow, IModels } from '../api/registry';
import { RegistryClient } from '../api/registry';
import { ListModel } from '../state/list';
import type { IChange } from '../state/live';

/** The models of the current project as the sidebar shows them. */
export class ModelsModel extends ListModel<IModels> {
  find(name: string | null): IModelRow | undefined {
    return this.list?.value?.models.find(model => model.name === name);
  }

  protected load(client: ProjectClient): Promise<IModels> {
    return new RegistryClient(client).models();
  }

  protected concerns({ kind, ids }: IChange): boolean {
    return kind === 'models' || ids === null;
  }
}
