import { expect, it } from "vitest";
import { windowOf } from "./windowing";

it.each([
  [0, 0, 480, { first: 0, last: 0 }],
  [5, 0, 480, { first: 0, last: 5 }],
  [100_000, 0, 480, { first: 0, last: 34 }],
  [100_000, 20_000, 480, { first: 990, last: 1034 }],
  [100_000, 1_999_520, 480, { first: 99_966, last: 100_000 }],
  // The list became shorter while it was scrolled down.
  [3, 1_999_520, 480, { first: 2, last: 3 }],
])("of %i rows at %i px", (rows, scrolled, height, expected) => {
  expect(windowOf(rows, 20, scrolled, height)).toEqual(expected);
});
