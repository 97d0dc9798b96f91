import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Snapshot, load, pauseAfter } from "./load";

const RUN = "/api/v2/dags/s3_downloader/dagRuns/manual__1%2F2";
const NEVER = new AbortController().signal;
let answers: Map<string, unknown>;
let asked: string[];

beforeEach(() => {
  answers = new Map();
  asked = [];
  vi.stubGlobal("document", { baseURI: "http://airflow/" });
  vi.stubGlobal("fetch", async (address: string) => {
    const path = address.replace("http://airflow", "");
    asked.push(path);
    const value = answers.get(path.replace(/offset=\d+/, "offset=N"));
    if (typeof value === "number") return Response.json({ detail: "no" }, { status: value });
    return value === undefined ? Response.json({ detail: "no" }, { status: 404 }) : Response.json(value);
  });
});
afterEach(() => vi.unstubAllGlobals());

function given(state: string, tasks: object[]) {
  answers.set(RUN, { dag_run_id: "manual__1/2", state });
  answers.set(`${RUN}/taskInstances?limit=100&offset=N&order_by=map_index`, { task_instances: tasks, total_entries: tasks.length });
}

function shard(map_index: number, state: string, more: object = {}) {
  return { task_id: "download", map_index, state, pool: "p", try_number: 1, ...more };
}

function figures(index: number, value: object) {
  answers.set(`${RUN}/taskInstances/download/state-store/progress?map_index=${index}`, { value: { files: 1, ...value } });
}

const loaded = (before: Snapshot | null = null) => load("s3_downloader", "manual__1/2", NEVER, before);

it("asks for the figures of those that run, and once of those that ended", async () => {
  given("running", [shard(0, "success"), shard(1, "running"), shard(2, "scheduled"), shard(3, "removed"), { task_id: "report", map_index: -1 }]);
  answers.set("/api/v2/pools/p", { slots: 2, occupied_slots: 2 });
  figures(0, { files_done: 1 });
  figures(1, { files_done: 0 });
  const first = await loaded();
  expect(first.shards.map(({ progress }) => progress?.filesDone)).toEqual([1, 0, undefined]);
  expect(first.pool).toEqual({ name: "p", slots: { all: 2, used: 2 } });
  expect(first.outcome).toBeNull();
  expect(pauseAfter(first)).toBe(2000);
  asked.length = 0;
  const second = await loaded(first);
  expect(second.shards.map(({ progress }) => progress?.filesDone)).toEqual([1, 0, undefined]);
  expect(asked.filter((path) => path.includes("state-store"))).toEqual([`${RUN}/taskInstances/download/state-store/progress?map_index=1`]);
});

it("tells a listing while there are no figures, and no figures of an earlier try", async () => {
  given("running", [shard(0, "running", { start_date: "2026-01-01T00:01:00Z" })]);
  figures(0, { at: "2026-01-01T00:00:00+00:00" });
  answers.set(`${RUN}/taskInstances/download/state-store/listing?map_index=0`, { value: { keys: 5 } });
  expect((await loaded()).shards[0]).toMatchObject({ progress: null, listing: [["keys", "5"]] });
});

it("a shard that is thawed first does not wait for a slot, and is looked at seldom", async () => {
  given("running", [shard(0, ""), { task_id: "thaw", map_index: 0, state: "up_for_reschedule", end_date: "1" }]);
  const store = `${RUN}/taskInstances/thaw/state-store/thaw?map_index=0`;
  answers.set(store, { value: { objects: 2, ready: 1, tier: "Bulk" } });
  const first = await loaded();
  expect(first.thaws[0]?.figures).toMatchObject({ objects: 2, ready: 1 });
  expect([first.pool, pauseAfter(first)]).toEqual([null, 30000]);
  asked.length = 0;
  expect((await loaded(first)).thaws[0]?.figures).toMatchObject({ ready: 1 });
  expect(asked).not.toContain(store);
  given("running", [shard(0, "scheduled"), { task_id: "thaw", map_index: 0, state: "success", end_date: "2" }]);
  const second = await loaded(first);
  expect([asked.includes(store), second.pool?.name, pauseAfter(second)]).toEqual([true, "p", 2000]);
});

it("tells a pool that is not there, and not one that may not be seen", async () => {
  given("running", [shard(0, "scheduled")]);
  expect((await loaded()).pool).toEqual({ name: "p", slots: null });
  answers.set("/api/v2/pools/p", 403);
  expect((await loaded()).pool).toBeNull();
});

it("reads the outcome once the report has ended, also where it is the database's JSON", async () => {
  given("failed", [{ task_id: "report", map_index: -1, state: "failed" }]);
  answers.set(`${RUN}/taskInstances/report/xcomEntries/result`, { value: JSON.stringify({ status: "REFUSED", reports: [], problems: ["p"] }) });
  const over = await loaded();
  expect(over.outcome?.result?.problems).toEqual(["p"]);
  expect(pauseAfter(over)).toBeNull();
  asked.length = 0;
  await loaded(over);
  expect(asked.filter((path) => path.includes("xcom"))).toEqual([]);
});

it("has no outcome where the report left none", async () => {
  given("failed", [{ task_id: "report", map_index: -1, state: "skipped" }]);
  expect((await loaded()).outcome).toMatchObject({ result: null, texts: [] });
});

it("reads the figures of many shards over some rounds", async () => {
  given("success", Array.from({ length: 60 }, (_, index) => shard(index, "success")));
  for (let index = 0; index < 60; index += 1) figures(index, {});
  const first = await loaded();
  expect(first.shards.filter(({ progress }) => progress).length).toBe(48);
  expect(pauseAfter(first)).toBe(500);
  const second = await loaded(first);
  expect(second.shards.every(({ progress }) => progress)).toBe(true);
  expect(pauseAfter(second)).toBeNull();
});

it("hands on what Airflow refuses", async () => {
  answers.set(RUN, 403);
  await expect(loaded()).rejects.toMatchObject({ status: 403, passes: false });
});
