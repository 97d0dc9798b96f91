import { expect, it } from "vitest";
import { DRY_RUN, type Result, toResult } from "./model";
import { daily, rate, totalsOf } from "./totals";

let runs = 0;

function result(changed: Partial<Result>): Result {
  runs += 1;
  const usual = { dag_id: "s3_downloader", run_id: `run ${runs}`, state: "success", status: "SUCCESS" };
  return { ...toResult({ ...usual, run_after: "2026-03-01T12:00:00Z" }), ...changed };
}

it("what has ended is counted; dry runs, audits and what is under way are not", () => {
  const totals = totalsOf([
    result({ files: 3, successful: 3, fetched: 100, due: "2026-03-01T12:00:00Z" }),
    result({ files: 2, successful: 1, fetched: 10, state: "failed", due: "2026-03-02T12:00:00+02:00" }),
    result({ files: 9, successful: 9, fetched: 0, due: "2026-03-03T12:00:00Z" }),
    result({ files: 7, successful: 7, fetched: 1000, status: DRY_RUN }),
    result({ files: 5, successful: 5, audit: true }),
    result({ files: 5, successful: 1, audit: true, state: "failed", status: "PARTIAL FAILURE", fetched: 1000 }),
    result({ state: "running", status: "" }),
    result({ state: "failed", status: "" }),
  ]);
  expect(totals).toEqual({
    runs: 4,
    failedRuns: 2,
    files: 14,
    successful: 13,
    fetched: 110,
    last: "2026-03-02T12:00:00+02:00",
  });
});

it.each([
  [0, 0, "–"],
  [1000, 1000, "100 %"],
  [100_000, 99_999, "99.9 %"],
  [3, 2, "66.6 %"],
  [3, 0, "0 %"],
])("of %i files %i complete are %s", (files, successful, expected) => {
  expect(rate({ ...totalsOf([]), files, successful })).toBe(expected);
});

function at(...date: [number, number, number, number?]): string {
  return new Date(...date).toISOString();
}

it("each day has its bytes, those without any too, over a change of the clock", () => {
  const now = new Date(2026, 2, 31, 9);
  const results = [
    result({ fetched: 5, due: at(2026, 2, 28, 23) }),
    result({ fetched: 6, due: at(2026, 2, 28, 0) }),
    result({ fetched: 7, due: at(2026, 2, 30, 0) }),
    result({ fetched: 1, due: at(2026, 2, 30, 0), status: DRY_RUN }),
    result({ fetched: 1, due: at(2026, 2, 30, 0), audit: true }),
    result({ fetched: 9, due: at(2026, 3, 20, 0) }),
    result({ fetched: 9, due: "no time" }),
  ];
  const { times, bytes } = daily(results, new Date(2026, 2, 27), now);
  expect(times).toEqual([27, 28, 29, 30, 31].map((day) => new Date(2026, 2, day, 12).getTime() / 1000));
  expect(bytes).toEqual([0, 11, 0, 7, 0]);
});

it("today counts to its end", () => {
  const midnight = new Date(2026, 2, 31);
  expect(daily([result({ fetched: 4, due: at(2026, 2, 31, 23) })], midnight, midnight).bytes).toEqual([4]);
});

it("all time begins with the first run, or today", () => {
  const now = new Date(2026, 2, 31, 18);
  expect(daily([], null, now).bytes).toEqual([0]);
  expect(daily([result({ fetched: 4, due: at(2026, 2, 30, 23) })], null, now).bytes).toEqual([4, 0]);
});

it("a run of another century makes no chart of a million days", () => {
  const { times, bytes } = daily(
    [result({ fetched: 4, due: "0001-01-01T00:00:00Z" }), result({ fetched: 5, due: at(2026, 2, 31, 1) })],
    null,
    new Date(2026, 2, 31, 18),
  );
  expect(times.length).toBeLessThan(4000);
  expect(bytes.at(-1)).toBe(5);
});
