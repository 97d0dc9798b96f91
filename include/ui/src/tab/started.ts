/** The run that the task `restore` of a scheduled DAG has started: plugins/downloader_tasks/schedules/restore.py. */

import { asObject, asText } from "../shared/json";

const PREFIX = "schedule_";
const LINK = "Triggered DAG";

export interface Started {
  dagId: string;
  runId: string;
}

export function isScheduled(dagId: string): boolean {
  return dagId.startsWith(PREFIX);
}

/** `links`: Airflow's answer on the extra links of the task. Null where there is no run yet. */
export function startedOf(links: unknown): Started | null {
  const address = asText(asObject(asObject(links)["extra_links"])[LINK]);
  const found = /\/dags\/([^/?#]+)\/runs\/([^/?#]+)/.exec(address);
  try {
    return found ? { dagId: decodeURIComponent(found[1] ?? ""), runId: decodeURIComponent(found[2] ?? "") } : null;
  } catch {
    return null;
  }
}
