import { expect, it } from "vitest";
import { hasEnded, isOver, isWaiting, listingOf, progressOf, retriesOf, runOf, taskOf } from "./run";

it("a task that waits for a slot is scheduled, one that waits for a worker is queued", () => {
  expect(["", "scheduled", "queued", "running"].map((state) => isWaiting(taskOf({ state })))).toEqual([true, true, true, false]);
  expect(["running", "up_for_retry", "success", "skipped"].map((state) => hasEnded(taskOf({ state })))).toEqual([
    false,
    false,
    true,
    true,
  ]);
});

it("tries before this one are retries", () => {
  expect([0, 1, 3].map((try_number) => retriesOf(taskOf({ try_number })))).toEqual([0, 0, 2]);
});

it.each([null, undefined, 7, "x", [], { state: 7, conf: [], dag_run_id: {} }])("anything may come instead of a run: %j", (value) => {
  expect(isOver(runOf(value))).toBe(false);
  expect(runOf(value).conf).toEqual({});
  expect(taskOf(value).index).toBe(-1);
  expect(progressOf(value)).toBeNull();
});

it("figures of another version keep what can be read", () => {
  const progress = progressOf({ files: 3, bytes_done: "x", under_way: [null, { name: "a", size: null }], history: [[1], [2, 3], "x"] });
  expect(progress).toMatchObject({ files: 3, bytesDone: 0, left: null, history: [[2, 3]] });
  expect(progress?.underWay.map((file) => [file.name, file.size])).toEqual([
    ["", null],
    ["a", null],
  ]);
});

it("a listing is any names and figures", () => {
  expect(listingOf({ pages_read: 1234, at: "x", more: { deep: 1 } })).toEqual([
    ["pages read", "1,234"],
    ["at", "x"],
  ]);
});
