import { expect, it } from "vitest";
import { counted, duration, moment, percent, size } from "./format";

it.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KB"],
  [1536, "1.5 KB"],
  [1024 ** 2 - 1, "1.0 MB"],
  [1294467072, "1.2 GB"],
  [5 * 1024 ** 4, "5.0 TB"],
  [5000 * 1024 ** 5, "5000.0 PB"],
])("%i bytes are %s", (bytes, shown) => expect(size(bytes)).toBe(shown));

it.each([
  [0.4, "0 s"],
  [89, "89 s"],
  [90, "2 min"],
  [3 * 3600 + 300, "3 h 5 min"],
  [100 * 3600, "4 d 4 h"],
])("%f seconds are %s", (seconds, shown) => expect(duration(seconds)).toBe(shown));

it("counts in thousands, and knows one", () => {
  expect([counted(1, "file"), counted(0, "file"), counted(2000, "file")]).toEqual(["1 file", "0 files", "2,000 files"]);
});

it("percent is whole, and 100 only at the end", () => {
  expect([percent(999, 1000), percent(1000, 1000), percent(0, 0)]).toEqual([99, 100, null]);
});

it("a moment is the visitor's, and nothing is nothing", () => {
  expect(moment("2026-11-28T00:32:38Z")).toMatch(/^2026-11-2[78] \d\d:\d\d:38$/);
  expect([moment(null), moment(""), moment("no time")]).toEqual(["", "", ""]);
});
