import { expect, it } from "vitest";
import { sentence, thawOf, whole } from "./thaw";

const ONE = { tier: "Bulk", objects: 2, bytes: 2048, ready: 1, ready_bytes: 1024, refused: 0, since: "2026-01-01T00:00:00.000+00:00" };
const AT = { ready_since: "2026-01-01T06:00:00.000+00:00", next: "2026-01-01T07:00:00.000+00:00" };

it("adds up the shards, from the first request to the next look", () => {
  const all = whole([thawOf({ ...ONE, ...AT }), thawOf({ ...ONE, refused: 1, since: "2025-12-31T00:00:00.000+00:00" })].flatMap((one) => one ?? []));
  expect(all).toMatchObject({ objects: 4, bytes: 4096, ready: 2, readyBytes: 2048, refused: 1 });
  expect([all?.since, all?.readySince, all?.next]).toEqual(["2025-12-31T00:00:00.000+00:00", AT.ready_since, AT.next]);
});

it("says how many are ready, and leaves out what is not known", () => {
  const text = sentence({ ...whole([thawOf(ONE)!])! });
  expect(text).toMatch(/^Thaw \(Bulk\): 1 of 2 archived objects, 1\.0 KB of 2\.0 KB, are ready, asked for at 20\d\d-/);
  expect(text).not.toContain("again");
  expect(sentence(whole([thawOf({ ...ONE, ...AT, refused: 1 })!])!)).toMatch(/the latest since .*, 1 were refused, .*S3 is asked again at /);
});

it.each([null, 7, "x", [], {}, { objects: "2" }])("anything may come instead: %j", (value) => {
  expect(thawOf(value)).toBeNull();
});

it("a run that thaws nothing says nothing", () => {
  expect(whole([])).toBeNull();
  expect(whole([thawOf({ ...ONE, objects: 0 })!])).toBeNull();
});
