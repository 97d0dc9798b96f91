import { expect, it } from "vitest";
import { added, advised, resultOf, textsOf } from "./result";

it.each([null, undefined, "SUCCESS", [], {}, { status: "SUCCESS" }, { status: 1, reports: [] }])("no result: %j", (value) => {
  expect(resultOf(value)).toBeNull();
});

it("a result of another version keeps what can be read", () => {
  const result = resultOf({ status: "REFUSED", reports: [null, { about: "a", outcomes: { failed: 0, skipped: 2 } }], problems: ["p", 1] });
  expect(result?.problems).toEqual(["p"]);
  expect(result?.reports.map((report) => [report.about, report.outcomes])).toEqual([
    ["", []],
    ["a", [["skipped", 2]]],
  ]);
});

it("the kind of a failure is not read twice", () => {
  const failures = [
    { name: "a", kind: "Network error", message: "Network error: cut off; try again" },
    { name: "b", kind: "Network error", message: "cut off" },
    { name: "c", message: "Not found: x" },
  ];
  const result = resultOf({ status: "s", reports: [{ failures }] });
  expect(result?.reports[0]?.failures.map((failure) => failure.message)).toEqual(["cut off; try again", "cut off", "Not found: x"]);
});

it("advice stands behind what happened", () => {
  expect(advised("cut off; it was 3; try again")).toEqual(["cut off; it was 3", "try again"]);
  expect(advised("cut off")).toEqual(["cut off", ""]);
});

it("a dry run has actions", () => {
  const [report] = resultOf({ status: "DRY RUN", reports: [{ actions: { keep: { files: 3, bytes: 1 } }, free: null, to_fetch: 5 }] })?.reports ?? [];
  expect([report?.actions, report?.free, report?.toFetch]).toEqual([[{ name: "keep", files: 3, bytes: 1 }], null, 5]);
});

it("an audit says why it left no report where nothing may be written", () => {
  const reports = [{ path: "", unwritten: "the folder /data may only be read" }, { path: "/data/r.txt" }];
  expect(resultOf({ status: "SUCCESS", reports })?.reports.map((report) => report.unwritten)).toEqual([
    "the folder /data may only be read",
    "",
  ]);
});

it("counts add up", () => {
  expect(added([[["a", 1]], [["b", 2], ["a", 3]]])).toEqual([["a", 4], ["b", 2]]);
});

it("texts are lists of texts", () => {
  expect(textsOf([{ text: "t", left_out: 2 }, 5])).toEqual([
    { about: "", path: "", text: "t", leftOut: 2 },
    { about: "", path: "", text: "", leftOut: 0 },
  ]);
  expect(textsOf("x")).toEqual([]);
});
