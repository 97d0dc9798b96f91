import { expect, it } from "vitest";
import { backoff } from "./backoff";

it("waits twice as long after each failure, up to a minute", () => {
  expect([0, 1, 2, 5, 99].map((failures) => backoff(2000, failures))).toEqual([2000, 4000, 8000, 60_000, 60_000]);
});
