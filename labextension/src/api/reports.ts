import type { ProjectClient } from './client';
import { requestJSON } from './request';
import { Started } from './types';

/** What a report shows and how. */
export interface IReportRequest {
  /** `run:<id>`, `model:flight-delay@2`, `dataset:flights@3`, `monitor:delay`. */
  what: readonly string[];
  /** By default what the first thing is called. */
  title: string | null;
  /** Whether notebooks show their code. */
  code: boolean;
}

/** Where a run of kind `report` keeps what it has made. */
export const REPORT_FILE = 'report.html';

/** Make a report as detached work; answers with its run, before that has begun. */
export async function makeReport(client: ProjectClient, request: IReportRequest): Promise<string> {
  const path = `projects/${client.key}/reports`;
  const body = { ...request };
  return (await requestJSON(Started, path, client.settings, { method: 'POST', body })).run_id;
}
