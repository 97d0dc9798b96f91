/** A run of a DAG as Airflow's API tells of it, and the figures that its tasks left. */

import { plainNote } from "../shared/note";
import { type Json, asCount, asList, asNumber, asObject, asText } from "../shared/json";

const ENDED = new Set(["success", "failed"]);
const TASK_ENDED = new Set(["success", "failed", "upstream_failed", "skipped", "removed"]);
const WAITING = new Set(["", "scheduled", "queued"]);

export interface Run {
  id: string;
  state: string;
  conf: Json;
  start: string;
  end: string;
  note: string;
  user: string;
}

export interface Task {
  id: string;
  name: string;
  /** -1: it is not mapped. */
  index: number;
  label: string;
  state: string;
  tries: number;
  mostTries: number;
  start: string;
  end: string;
  pool: string;
  queued: string;
}

export interface FileFigures {
  name: string;
  bytes: number;
  size: number | null;
  speed: number;
  left: number | null;
  stalled: number | null;
}

/** `progress` of the task state store: plugins/downloader_tasks/execution/progress.py. */
export interface Progress {
  filesDone: number;
  files: number;
  bytesDone: number;
  bytesFetched: number;
  bytesPlanned: number;
  speed: number;
  left: number | null;
  stalled: number | null;
  underWay: FileFigures[];
  at: string;
  began: string;
  history: [number, number][];
}

export function runOf(value: unknown): Run {
  const run = asObject(value);
  return {
    id: asText(run["dag_run_id"]),
    state: asText(run["state"]),
    conf: asObject(run["conf"]),
    start: asText(run["start_date"]),
    end: asText(run["end_date"]),
    note: plainNote(asText(run["note"])),
    user: asText(run["triggering_user_name"]),
  };
}

export function taskOf(value: unknown): Task {
  const task = asObject(value);
  return {
    id: asText(task["task_id"]),
    name: asText(task["task_display_name"]) || asText(task["task_id"]),
    index: asNumber(task["map_index"]) ?? -1,
    label: asText(task["rendered_map_index"]),
    state: asText(task["state"]),
    tries: asCount(task["try_number"]),
    mostTries: asCount(task["max_tries"]) + 1,
    start: asText(task["start_date"]),
    end: asText(task["end_date"]),
    pool: asText(task["pool"]),
    queued: asText(task["queued_when"]),
  };
}

export function progressOf(value: unknown): Progress | null {
  const progress = asObject(value);
  if (asNumber(progress["files"]) === null) return null;
  return {
    filesDone: asCount(progress["files_done"]),
    files: asCount(progress["files"]),
    bytesDone: asCount(progress["bytes_done"]),
    bytesFetched: asCount(progress["bytes_fetched"]),
    bytesPlanned: asCount(progress["bytes_planned"]),
    speed: asCount(progress["bytes_a_second"]),
    left: asNumber(progress["seconds_left"]),
    stalled: asNumber(progress["seconds_stalled"]),
    underWay: asList(progress["under_way"]).map(asObject).map((file) => ({
      name: asText(file["name"]),
      bytes: asCount(file["bytes"]),
      size: asNumber(file["size"]),
      speed: asCount(file["bytes_a_second"]),
      left: asNumber(file["seconds_left"]),
      stalled: asNumber(file["seconds_stalled"]),
    })),
    at: asText(progress["at"]),
    began: asText(progress["began"]),
    history: asList(progress["history"]).flatMap((pair): [number, number][] => {
      const [seconds, bytes] = asList(pair).map(asNumber);
      return typeof seconds === "number" && typeof bytes === "number" ? [[seconds, bytes]] : [];
    }),
  };
}

/** `listing` of the task state store: names and figures that differ from DAG to DAG. */
export function listingOf(value: unknown): [string, string][] {
  return Object.entries(asObject(value)).flatMap(([name, figure]): [string, string][] =>
    typeof figure === "number" || typeof figure === "string"
      ? [[name.replaceAll("_", " "), typeof figure === "number" ? figure.toLocaleString("en-US") : figure]]
      : [],
  );
}

export function isOver(run: Run): boolean {
  return ENDED.has(run.state);
}

/** Whether it only compares what is on the disk, and downloads nothing. */
export function isAudit({ conf }: Run): boolean {
  return conf["audit"] === true;
}

export function hasEnded(task: Task): boolean {
  return TASK_ENDED.has(task.state);
}

/** Whether it waits for a slot of its pool, or for a worker. */
export function isWaiting(task: Task): boolean {
  return WAITING.has(task.state);
}

/** Tries of a task before the one that it is in, or ended in. */
export function retriesOf(task: Task): number {
  return Math.max(0, task.tries - 1);
}
