import { expect, it } from "vitest";
import { ApiError } from "../shared/api";
import { type Known, readinessOf } from "./ready";

const GONE = new ApiError(404, "gone");
const REFUSED = new ApiError(403, "refused");
const KNOWN: Known = {
  dag: { dag_id: "s3_downloader", dag_display_name: "Raw files", is_paused: false, is_stale: false, has_import_errors: false },
  poolName: "s3_download_pool",
  pool: { name: "s3_download_pool", slots: 2, open_slots: 1 },
};
const SEEN = {
  folder: { state: "ready", sentence: "/data/output can be written to" },
  connection: { state: "ready", sentence: "the connection aws_default is filled in" },
};

it("where all is there the DAG is ready", () => {
  const found = readinessOf("s3_downloader", KNOWN, SEEN);
  expect(found).toMatchObject({ dagName: "Raw files", state: "ready" });
  expect(found.checks.map(({ name, state }) => [name, state])).toEqual([
    ["DAG", "ready"],
    ["Pool", "ready"],
    ["Folder", "ready"],
    ["Connection", "ready"],
  ]);
});

it.each<[string, Partial<Known>, string, string]>([
  ["a missing pool", { pool: GONE }, "problem", "airflow pools import include/pools.json"],
  ["a pool without slots", { pool: { slots: 0, open_slots: 0 } }, "problem", "has no slots"],
  ["a pool that is full", { pool: { slots: 2, open_slots: 0 } }, "ready", "2 slots, all of them taken"],
  ["a pool without a limit", { pool: { slots: -1, open_slots: -1 } }, "ready", "no limit"],
  ["a pool that may not be seen", { pool: REFUSED }, "unseen", "may not see"],
  ["a DAG without the task", { poolName: "", pool: GONE }, "unseen", "not there"],
  ["a paused DAG", { dag: { ...(KNOWN.dag as object), is_paused: true } }, "problem", "unpause"],
  ["a DAG that is gone", { dag: { ...(KNOWN.dag as object), is_stale: true } }, "problem", "is gone"],
  ["a broken DAG", { dag: { ...(KNOWN.dag as object), has_import_errors: true } }, "problem", "import error"],
  ["an unknown DAG", { dag: GONE }, "problem", "does not know this DAG"],
  ["a DAG that may not be seen", { dag: REFUSED }, "unseen", "may not see this DAG"],
])("%s", (_, changed, state, words) => {
  const found = readinessOf("s3_downloader", { ...KNOWN, ...changed }, SEEN);
  expect(found.state).toBe(state);
  expect(found.checks.map(({ sentence }) => sentence).join("\n")).toContain(words);
});

it("the worst check is the DAG's", () => {
  const state = (...states: string[]) =>
    readinessOf("x", KNOWN, Object.fromEntries(states.map((each, index) => [String(index), { state: each }]))).state;
  expect(state("ready", "late")).toBe("late");
  expect(state("late", "unseen")).toBe("unseen");
  expect(state("absent", "unseen")).toBe("absent");
  expect(state("unseen", "problem", "absent")).toBe("problem");
});

it("what the plugin does not tell, or tells in another way, is not called ready", () => {
  expect(readinessOf("x", KNOWN, {}).state).toBe("unseen");
  expect(readinessOf("x", KNOWN, REFUSED).state).toBe("unseen");
  expect(readinessOf("x", KNOWN, { folder: { state: "fine" } }).state).toBe("unseen");
  expect(readinessOf("x", KNOWN, { folder: "text" }).state).toBe("unseen");
});
