/** All that the tab shows of a run, in one round of requests: one after the other or a few at once, never two rounds. */

import { ApiError, ask, askIfThere, segment } from "../shared/api";
import { asCount, asList, asObject } from "../shared/json";
import { type ReportText, type Result, resultOf, textsOf } from "./result";
import { type Thaw, thawOf } from "./thaw";
import { type Progress, type Run, type Task, hasEnded, isOver, isWaiting, listingOf, progressOf, runOf, taskOf } from "./run";

const PAGE = 100;
const AT_ONCE = 4;
/** Requests a round for the figures of shards: the others follow in the next rounds. */
const MOST_FIGURES = 48;
export const REPORT = "report";
export const DOWNLOAD = "download";
export const APPROVE = "approve";
const THAW = "thaw";
/** Milliseconds to the next round while a run does nothing but wait for archived objects. */
const THAWING = 30000;

export interface Shard {
  task: Task;
  progress: Progress | null;
  /** How far its listing has been read, where that takes long. */
  listing: [string, string][];
  /** Of which try and state the figures are; "" before they were read. */
  read: string;
}

/** Of a shard whose archived objects are waited for, before it is downloaded. */
export interface Thawing {
  task: Task;
  figures: Thaw | null;
  read: string;
}

export interface Pool {
  name: string;
  /** Null where Airflow has no such pool: tasks wait for it for ever. */
  slots: { all: number; used: number } | null;
}

export interface Outcome {
  /** Of which try of `report` it is. */
  read: string;
  result: Result | null;
  texts: ReportText[];
}

export interface Snapshot {
  run: Run;
  /** The tasks that are not mapped, in the order in which they ran. */
  steps: Task[];
  shards: Shard[];
  thaws: Thawing[];
  pool: Pool | null;
  /** Null until the task `report` has ended. */
  outcome: Outcome | null;
}

export async function load(dagId: string, runId: string, signal: AbortSignal, before: Snapshot | null): Promise<Snapshot> {
  const path = `dags/${segment(dagId)}/dagRuns/${segment(runId)}`;
  const asking = (rest: string) => ask(`${path}${rest}`, { signal });
  const run = runOf(await asking(""));
  const tasks = await allTasks(asking);
  const steps = tasks.filter((task) => task.index < 0);
  const shards = await withFigures(path, shardsOf(tasks, before), signal);
  const thaws = await withThaws(path, thawsOf(tasks, before), signal);
  const report = steps.find((task) => task.id === REPORT);
  const waits = isOver(run) ? undefined : inLine(shards, thaws)[0];
  return {
    run,
    steps: inOrder(steps),
    shards,
    thaws,
    pool: waits ? await poolOf(waits.task.pool, signal) : null,
    outcome: report && (isOver(run) || hasEnded(report)) ? await outcomeOf(path, report, before, signal) : null,
  };
}

/** Milliseconds to the next round; null where nothing will change any more. */
export function pauseAfter({ run, shards, thaws }: Snapshot): number | null {
  if (isOver(run)) return shards.some((shard) => hasEnded(shard.task) && !isRead(shard)) ? 500 : null;
  const idle = thaws.some(({ task }) => !hasEnded(task)) && shards.every(({ task }) => hasEnded(task) || task.state === "");
  if (idle && thaws.every(({ task }) => task.state !== "running")) return THAWING;
  // Each page of tasks is a request.
  return 2000 * Math.max(1, Math.ceil(shards.length / PAGE));
}

/** Shards that wait for a slot of the pool, or for a worker: not those whose objects are thawed first. */
export function inLine(shards: Shard[], thaws: Thawing[]): Shard[] {
  const thawing = new Set(thaws.filter(({ task }) => !hasEnded(task)).map(({ task }) => task.index));
  return shards.filter(({ task }) => isWaiting(task) && !thawing.has(task.index));
}

async function allTasks(asking: (rest: string) => Promise<unknown>): Promise<Task[]> {
  const tasks: Task[] = [];
  for (;;) {
    const page = asObject(await asking(`/taskInstances?limit=${PAGE}&offset=${tasks.length}&order_by=map_index`));
    const found = asList(page["task_instances"]).map(taskOf);
    tasks.push(...found);
    if (!found.length || tasks.length >= asCount(page["total_entries"])) return tasks;
  }
}

function shardsOf(tasks: Task[], before: Snapshot | null): Shard[] {
  const known = new Map(before?.shards.map((shard) => [shard.task.index, shard]));
  return tasks
    .filter((task) => task.id === DOWNLOAD && task.index >= 0 && task.state !== "removed")
    .sort((a, b) => a.index - b.index)
    .map((task) => ({ ...(known.get(task.index) ?? { progress: null, listing: [], read: "" }), task }));
}

function thawsOf(tasks: Task[], before: Snapshot | null): Thawing[] {
  const known = new Map(before?.thaws.map((thaw) => [thaw.task.index, thaw]));
  return tasks
    .filter((task) => task.id === THAW && task.index >= 0 && task.state !== "removed")
    .map((task) => ({ ...(known.get(task.index) ?? { figures: null, read: "" }), task }));
}

/** The figures change with each look, and with it the end of the task. */
async function withThaws(path: string, thaws: Thawing[], signal: AbortSignal): Promise<Thawing[]> {
  const changed = thaws.filter(({ task, read }) => !isWaiting(task) && task.state !== "skipped" && read !== stampOf(task));
  const found = new Map<number, Thawing>();
  for (const { task } of changed.slice(0, MOST_FIGURES)) {
    const entry = await askIfThere(`${path}/taskInstances/${THAW}/state-store/thaw?map_index=${task.index}`, { signal });
    found.set(task.index, { task, figures: thawOf(parsed(asObject(entry)["value"])), read: stampOf(task) });
  }
  return thaws.map((thaw) => found.get(thaw.task.index) ?? thaw);
}

/** The task's own clock and Airflow's may differ, and `at` is in whole seconds. */
const LEEWAY = 5000;

function stampOf(task: Task): string {
  return `${task.tries} ${task.state} ${task.end}`;
}

function isRead(shard: Shard): boolean {
  return shard.read === stampOf(shard.task);
}

async function withFigures(path: string, shards: Shard[], signal: AbortSignal): Promise<Shard[]> {
  const running = shards.filter(({ task }) => task.state === "running");
  const ended = shards.filter((shard) => !isWaiting(shard.task) && shard.task.state !== "running" && !isRead(shard));
  const wanted = [...running, ...ended].slice(0, MOST_FIGURES);
  const found = new Map<number, Shard>();
  const work = async () => {
    for (let shard = wanted.shift(); shard; shard = wanted.shift()) {
      found.set(shard.task.index, await read(`${path}/taskInstances/${DOWNLOAD}/state-store`, shard, signal));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return shards.map((shard) => found.get(shard.task.index) ?? shard);
}

async function read(store: string, shard: Shard, signal: AbortSignal): Promise<Shard> {
  const { task } = shard;
  const value = async (key: string) => {
    const entry = await askIfThere(`${store}/${key}?map_index=${task.index}`, { signal });
    return parsed(asObject(entry)["value"]);
  };
  const progress = progressOf(await value("progress"));
  // What an earlier try left says nothing about this one.
  const old = progress && task.state === "running" && Date.parse(progress.at) + LEEWAY < Date.parse(task.start);
  const figures = old ? null : progress;
  const listing = figures || task.state !== "running" ? [] : listingOf(await value("listing"));
  return { task, progress: figures, listing, read: stampOf(task) };
}

async function poolOf(name: string, signal: AbortSignal): Promise<Pool | null> {
  try {
    const pool = await askIfThere(`pools/${segment(name)}`, { signal });
    if (pool === null) return { name, slots: null };
    const { slots, occupied_slots: used } = asObject(pool);
    return { name, slots: { all: typeof slots === "number" ? slots : 0, used: asCount(used) } };
  } catch (error) {
    // Not everyone who may see a run may see the pools.
    if (error instanceof ApiError && error.status === 403) return null;
    throw error;
  }
}

async function outcomeOf(path: string, report: Task, before: Snapshot | null, signal: AbortSignal): Promise<Outcome> {
  const read = stampOf(report);
  if (before?.outcome?.result && before.outcome.read === read) return before.outcome;
  const value = async (key: string) => {
    const entry = await askIfThere(`${path}/taskInstances/${REPORT}/xcomEntries/${key}`, { signal });
    return parsed(asObject(entry)["value"]);
  };
  const [result, texts] = await Promise.all([value("result"), value("report_text")]);
  return { read, result: resultOf(result), texts: textsOf(texts) };
}

/** Airflow hands some values out as the JSON that its database has. */
function parsed(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function inOrder(steps: Task[]): Task[] {
  const known = ["validate", APPROVE, THAW, DOWNLOAD, REPORT];
  const place = (task: Task) => (known.includes(task.id) ? known.indexOf(task.id) : known.indexOf(DOWNLOAD) - 0.5);
  return [...steps].sort((a, b) => place(a) - place(b));
}
