/** Asks for runs and results, no more often than there may be news. */
import { ask } from "../shared/api";
import { asCount, asList, asObject, asText } from "../shared/json";
import { isActive, keyOf, type Result, type Run, toResult, toRun } from "./model";

/** Airflow answers no more runs at once. */
export const RUNS_A_REQUEST = 100;
const RESULTS_A_REQUEST = 500;

export interface Query {
  dags: readonly string[];
  states: readonly string[];
  since: Date | null;
}

export interface Page {
  runs: Run[];
  total: number;
}

/**
 * The pages of the newest `wanted` runs, as they are now. A page in which nothing can have changed, by what `before` has
 * of it, is not asked for again. `tell` gets the pages that are there while others are still asked for.
 */
export async function loadPages(
  query: Query,
  wanted: number,
  before: Page[] | null,
  signal: AbortSignal,
  tell: (pages: Page[]) => void,
): Promise<Page[]> {
  const pages: Page[] = [];
  for (let offset = 0; offset < wanted; offset += RUNS_A_REQUEST) {
    const known = before?.[pages.length];
    const same = pages.length > 0 && known !== undefined && known.total === pages[0]?.total;
    const page = same && !known.runs.some(isActive) ? known : await loadPage(query, offset, signal);
    pages.push(page);
    if (offset + RUNS_A_REQUEST >= page.total || page.runs.length === 0) break;
    tell([...pages]);
  }
  return pages;
}

async function loadPage({ dags, states, since }: Query, offset: number, signal: AbortSignal): Promise<Page> {
  const body = {
    dag_ids: dags,
    ...(states.length > 0 ? { states } : {}),
    ...(since === null ? {} : { run_after_gte: since.toISOString() }),
    order_by: "-run_after",
    page_offset: offset,
    page_limit: RUNS_A_REQUEST,
  };
  const answer = asObject(await ask("dags/~/dagRuns/list", { method: "POST", signal, body }));
  return { runs: asList(answer.dag_runs).map(toRun), total: asCount(answer.total_entries) };
}

/** Task -> what its run waits for, and the states of tasks that wait so. */
const WAITS: Record<string, string> = { approve: "waits for approval", thaw: "waits for archived objects" };
const WAITING = ["awaiting_input", "up_for_reschedule"];

/** What those of `runs` wait for that Airflow calls running, by their keys. One request, and none where none is. */
export async function loadWaits(runs: Run[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const active = runs.filter(({ state }) => state === "running");
  if (active.length === 0) return new Map();
  const body = {
    dag_ids: [...new Set(active.map(({ dagId }) => dagId))],
    dag_run_ids: active.map(({ runId }) => runId),
    task_ids: Object.keys(WAITS),
    state: WAITING,
    page_limit: RUNS_A_REQUEST,
  };
  const answer = asObject(await ask("dags/~/dagRuns/~/taskInstances/list", { method: "POST", signal, body }));
  const waits = asList(answer.task_instances).map(asObject);
  return new Map(waits.map((task) => [keyOf(asText(task.dag_id), asText(task.dag_run_id)), WAITS[asText(task.task_id)] ?? ""]));
}

/** Each run once: one that slips from one page to the next while they are asked for is in both. */
export function runsOf(pages: Page[]): Run[] {
  const runs = new Map<string, Run>();
  for (const page of pages) for (const run of page.runs) if (!runs.has(run.key)) runs.set(run.key, run);
  return [...runs.values()];
}

export type Results = ReadonlyMap<string, Result>;

/** All results; where some are there from `before`, those of the runs that are new or had not ended are asked for. */
export async function loadResults(
  since: Date | null,
  before: Results | null,
  signal: AbortSignal,
  tell: (results: Results) => void,
): Promise<Results> {
  const results = new Map(before ?? []);
  const from = results.size === 0 ? (since?.toISOString() ?? "") : newsSince(results);
  let next: number | null = null;
  do {
    const params = new URLSearchParams({ limit: String(RESULTS_A_REQUEST) });
    if (from) params.set("since", from);
    if (next !== null) params.set("before", String(next));
    const answer = asObject(await ask(`results?${params}`, { signal, root: "downloader" }));
    for (const result of asList(answer.runs).map(toResult)) results.set(result.key, result);
    next = typeof answer.next === "number" ? answer.next : null;
    if (next !== null && before === null) tell(new Map(results));
  } while (next !== null);
  return results;
}

/** When the first run was due of which there may be news. */
function newsSince(results: Results): string {
  const moments = [...results.values()].filter(({ due }) => !Number.isNaN(Date.parse(due)));
  const newest = moments.reduce((last, { due }) => (Date.parse(due) > Date.parse(last) ? due : last), moments[0]?.due ?? "");
  const active = moments.filter(isActive).map(({ due }) => due);
  return [newest, ...active].reduce((first, due) => (Date.parse(due) < Date.parse(first) ? due : first));
}
