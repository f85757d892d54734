import type { ProjectClient } from '../api/client';
import type { IMonitorRow, IMonitors } from '../api/monitoring';
import { MonitoringClient } from '../api/monitoring';
import { ListModel } from '../state/list';
import type { IChange } from '../state/live';

/** Which monitor a command is about. */
export interface IMonitorSubject {
  project: string;
  name: string;
}

/** The monitors of the current project as the sidebar shows them. */
export class MonitorsModel extends ListModel<IMonitors> {
  get rows(): readonly IMonitorRow[] {
    return this.list?.value?.monitors ?? [];
  }

  find(name: string | null): IMonitorRow | undefined {
    return this.rows.find(row => row.name === name);
  }

  /** The monitor that has the keyboard; where there is but one, that. */
  subject(): IMonitorSubject | null {
    const { key } = this.projects;
    const row = this.find(this.focused) ?? (this.rows.length === 1 ? this.rows[0] : undefined);
    return key === null || row === undefined ? null : { project: key, name: row.name };
  }

  protected load(client: ProjectClient): Promise<IMonitors> {
    return new MonitoringClient(client).monitors();
  }

  protected concerns({ kind, ids }: IChange): boolean {
    return (
      ids === null ||
      kind === 'monitors' ||
      kind === 'alerts' ||
      // A check that ends badly leaves no evaluation: only its run says that it has ended.
      (kind === 'runs' &&
        this.rows.some(({ running }) => running !== null && ids.includes(running)))
    );
  }
}
