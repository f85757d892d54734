/** The ids of all commands; each is registered by the plugin whose view it belongs to. */
export const CommandIDs = {
  /** `{project, id}`: open a run in the main area. */
  openRun: 'mlops-lab:open-run',
  /** Open, or stop, the run that has the keyboard in the sidebar. */
  openFocusedRun: 'mlops-lab:open-focused-run',
  stopFocusedRun: 'mlops-lab:stop-focused-run',
  /** Stop what runs in the current notebook. */
  stopNotebookRun: 'mlops-lab:stop-notebook-run',
  openSidebar: 'mlops-lab:open-sidebar',
  insertExample: 'mlops-lab:insert-example',
  createExample: 'mlops-lab:create-example',
  createProject: 'mlops-lab:create-project',
  switchProject: 'mlops-lab:switch-project',
  refresh: 'mlops-lab:refresh-runs',
  starRun: 'mlops-lab:star-run',
  renameRun: 'mlops-lab:rename-run',
  tagRun: 'mlops-lab:tag-run',
  noteRun: 'mlops-lab:note-run',
  copyRunId: 'mlops-lab:copy-run-id',
  copyRunLink: 'mlops-lab:copy-run-link',
  /** The line of Python that gets the run. */
  copyRunLine: 'mlops-lab:copy-run-line',
  /** `{project, path, line?, column?}`: open a file of a project by its path in it. */
  openSource: 'mlops-lab:open-source',
  stopRun: 'mlops-lab:stop-run',
  deleteRun: 'mlops-lab:delete-run',
  undoDelete: 'mlops-lab:undo-delete',
  selectRun: 'mlops-lab:select-run',
  clear: 'mlops-lab:clear',
  focusSearch: 'mlops-lab:focus-search',
  showKeys: 'mlops-lab:show-keys',
  runPipeline: 'mlops-lab:run-pipeline',
  /** `{project, name, version?}`: open a version of a dataset, by default the latest. */
  openDataset: 'mlops-lab:open-dataset',
  /** Open what has the keyboard in the sidebar's data. */
  openFocusedDataset: 'mlops-lab:open-focused-dataset',
  previousDatasetVersion: 'mlops-lab:previous-dataset-version',
  nextDatasetVersion: 'mlops-lab:next-dataset-version',
  /** Insert, or copy, the Python that loads a version. */
  insertDataset: 'mlops-lab:insert-dataset',
  copyDatasetLine: 'mlops-lab:copy-dataset-line',
  copyDatasetLink: 'mlops-lab:copy-dataset-link',
  aliasDataset: 'mlops-lab:alias-dataset',
  /** `{project, name, alias}`: take an alias away. */
  removeDatasetAlias: 'mlops-lab:remove-dataset-alias',
  deleteDataset: 'mlops-lab:delete-dataset',
  /** `{fromBrowser}`: commit the file or folder that is selected in the file browser. */
  commitDataset: 'mlops-lab:commit-dataset',
  /** `{project, name, version?, review?}`: a model in the main area; `review` names an alias. */
  openModel: 'mlops-lab:open-model',
  /** Open, or insert the cell that loads, the model that has the keyboard in the sidebar. */
  openFocusedModel: 'mlops-lab:open-focused-model',
  /** `{name?, alias?}`: put the line that loads a model into the notebook. */
  insertModel: 'mlops-lab:insert-model',
  /** `{project, id}`: make a version of a model that a run has logged. */
  registerModel: 'mlops-lab:register-model',
  /** The same of the run that has the keyboard in the sidebar. */
  registerFocusedRun: 'mlops-lab:register-focused-run',
  /** `{project, what}`: make a report of `run:<id>`, `model:flight-delay@2`, `monitor:delay` … */
  makeReport: 'mlops-lab:make-report',
  /** `{project, name, run?, alert?}`: a monitor in the main area; `alert` is an incident's key. */
  openMonitor: 'mlops-lab:open-monitor',
  /** Open the monitor that has the keyboard in the sidebar. */
  openFocusedMonitor: 'mlops-lab:open-focused-monitor',
  /** `{project?, name?}`: look now; without a name, the one in front or in the sidebar. */
  checkMonitor: 'mlops-lab:check-monitor',
  /** Open a monitor's file in the editor; `line` and `column` lead to a place in it. */
  editMonitor: 'mlops-lab:edit-monitor',
  copyMonitorYaml: 'mlops-lab:copy-monitor-yaml',
  copyMonitorLink: 'mlops-lab:copy-monitor-link',
  /** `{project, dataset}`: write `monitors/NAME.yaml` from what is known of a dataset. */
  newMonitor: 'mlops-lab:new-monitor',
  /** The same of the dataset that has the keyboard in the sidebar, or is in front. */
  monitorDataset: 'mlops-lab:monitor-dataset',
  /** `{project, id}`: decide about an alert; without an id, one of the open ones. */
  acknowledgeAlert: 'mlops-lab:acknowledge-alert',
  muteAlert: 'mlops-lab:mute-alert',
  resolveAlert: 'mlops-lab:resolve-alert',
  reopenAlert: 'mlops-lab:reopen-alert'
} as const;

/** So long a notification stays on the page; without it, it would only be counted in the corner. */
export const TOLD = { autoClose: 10_000 } as const;

/** Their category in the command palette. */
export const CATEGORY = 'MLOps Lab';

/** Which run a command is about; without it, the focused or selected ones of the sidebar. */
export interface IRunArgs {
  project?: string;
  id?: string;
}

/** Read a command's arguments: they come from menus, links and a saved layout. */
export function runArgs(args: { readonly [key: string]: unknown }): IRunArgs {
  return {
    project: typeof args.project === 'string' ? args.project : undefined,
    id: typeof args.id === 'string' ? args.id : undefined
  };
}
