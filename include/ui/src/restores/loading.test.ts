import { afterEach, expect, it, vi } from "vitest";
import { loadPages, loadResults, loadWaits, type Page, runsOf } from "./loading";
import { toRun } from "./model";

const SIGNAL = new AbortController().signal;
const QUERY = { dags: ["s3_downloader"], states: [], since: new Date("2026-03-01T00:00:00Z") };

afterEach(() => vi.unstubAllGlobals());

/** What was asked, as path and body. `answer`: by the path and the body. */
function answering(answer: (path: string, body: Record<string, unknown>) => unknown) {
  const asked: [string, Record<string, unknown>][] = [];
  vi.stubGlobal("document", { baseURI: "http://airflow/" });
  vi.stubGlobal("fetch", async (address: string, init: RequestInit) => {
    const call: [string, Record<string, unknown>] = [
      address.replace("http://airflow/", ""),
      JSON.parse(String(init.body ?? "{}")),
    ];
    asked.push(call);
    return Response.json(answer(...call));
  });
  return asked;
}

function runs(first: number, count: number, state = "success") {
  return Array.from({ length: count }, (_, index) => ({ dag_id: "s3_downloader", dag_run_id: `run ${first + index}`, state }));
}

it("runs are asked for page by page, the newest first, until enough are there", async () => {
  const asked = answering((_, { page_offset }) => ({ dag_runs: runs(Number(page_offset), 100), total_entries: 250 }));
  const told: number[] = [];
  const pages = await loadPages(QUERY, 200, null, SIGNAL, (soFar) => told.push(soFar.length));
  expect(runsOf(pages)).toHaveLength(200);
  expect(told).toEqual([1, 2]);
  expect(asked.map(([path]) => path)).toEqual(Array(2).fill("api/v2/dags/~/dagRuns/list"));
  expect(asked[1]?.[1]).toEqual({
    dag_ids: ["s3_downloader"],
    run_after_gte: "2026-03-01T00:00:00.000Z",
    order_by: "-run_after",
    page_offset: 100,
    page_limit: 100,
  });
});

it("asks no further than there are runs", async () => {
  const asked = answering((_, { page_offset }) => ({ dag_runs: runs(Number(page_offset), 100), total_entries: 200 }));
  await loadPages(QUERY, Number.MAX_SAFE_INTEGER, null, SIGNAL, () => {});
  expect(asked).toHaveLength(2);
});

it("an answer that promises more than it has ends the asking", async () => {
  const asked = answering(() => ({ dag_runs: [], total_entries: 1e12 }));
  await loadPages(QUERY, Number.MAX_SAFE_INTEGER, null, SIGNAL, () => {});
  expect(asked).toHaveLength(1);
});

it("older pages are asked for again only where something may have changed", async () => {
  let total = 300;
  const offsets: unknown[] = [];
  answering((_, { page_offset }) => {
    offsets.push(page_offset);
    return { dag_runs: runs(Number(page_offset), 100, page_offset === 200 ? "running" : "success"), total_entries: total };
  });
  const load = (before: Page[] | null) => loadPages(QUERY, 300, before, SIGNAL, () => {});
  const first = await load(null);
  const second = await load(first);
  expect(offsets).toEqual([0, 100, 200, 0, 200]);
  total = 301;
  offsets.length = 0;
  await load(second);
  expect(offsets).toEqual([0, 100, 200]);
});

it("a run that is on two pages is shown once", () => {
  const page = (first: number): Page => ({ runs: runs(first, 2).map((run) => ({ key: run.dag_run_id }) as never), total: 4 });
  expect(runsOf([page(0), page(1)]).map(({ key }) => key)).toEqual(["run 0", "run 1", "run 2"]);
});

function result(run_id: string, state: string, run_after: string) {
  return { dag_id: "s3_downloader", run_id, state, run_after, status: "SUCCESS", files: 1 };
}

it("results come in pages, and then only the news", async () => {
  let answers: unknown[] = [
    { runs: [result("3", "running", "2026-03-03T00:00:00Z")], next: 7 },
    { runs: [result("2", "success", "2026-03-02T00:00:00Z")], next: null },
  ];
  const asked = answering(() => answers.shift());
  const told: number[] = [];
  const first = await loadResults(QUERY.since, null, SIGNAL, (soFar) => told.push(soFar.size));
  expect([first.size, told]).toEqual([2, [1]]);
  expect(asked.map(([path]) => path)).toEqual([
    "downloader/results?limit=500&since=2026-03-01T00%3A00%3A00.000Z",
    "downloader/results?limit=500&since=2026-03-01T00%3A00%3A00.000Z&before=7",
  ]);

  answers = [{ runs: [result("4", "success", "2026-03-04T00:00:00Z"), result("3", "failed", "2026-03-03T00:00:00Z")] }];
  const second = await loadResults(QUERY.since, first, SIGNAL, () => {});
  expect([...second.values()].map(({ state }) => state).sort()).toEqual(["failed", "success", "success"]);
  expect(asked.at(-1)?.[0]).toContain("since=2026-03-03T00%3A00%3A00Z");

  answers = [{ runs: [] }];
  await loadResults(QUERY.since, second, SIGNAL, () => {});
  expect(asked.at(-1)?.[0]).toContain("since=2026-03-04T00%3A00%3A00Z");
});

it("all time has no beginning", async () => {
  const asked = answering(() => ({ runs: [], next: null }));
  await loadResults(null, null, SIGNAL, () => {});
  expect(asked[0]?.[0]).toBe("downloader/results?limit=500");
});

it("what running runs wait for is asked in one request, and not at all where none is running", async () => {
  const asked = answering(() => ({
    task_instances: [
      { dag_id: "s3_downloader", dag_run_id: "run 1", task_id: "thaw" },
      { dag_id: "s3_downloader", dag_run_id: "run 2", task_id: "approve" },
      "odd",
    ],
  }));
  expect(await loadWaits(runs(1, 3).map(toRun), SIGNAL)).toEqual(new Map());
  const active = runs(1, 3, "running").map(toRun);
  const waits = await loadWaits([...active, ...runs(9, 1).map(toRun)], SIGNAL);
  expect(active.map(({ key }) => waits.get(key))).toEqual(["waits for archived objects", "waits for approval", undefined]);
  expect(asked).toEqual([
    [
      "api/v2/dags/~/dagRuns/~/taskInstances/list",
      {
        dag_ids: ["s3_downloader"],
        dag_run_ids: ["run 1", "run 2", "run 3"],
        task_ids: ["approve", "thaw"],
        state: ["awaiting_input", "up_for_reschedule"],
        page_limit: 100,
      },
    ],
  ]);
});
