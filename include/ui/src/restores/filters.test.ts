import { expect, it } from "vitest";
import { DEFAULTS, type Filters, fromAddress, matches, since, toAddress } from "./filters";
import { toResult, toRun } from "./model";

it.each<Partial<Filters>>([
  {},
  { dag: "slooh_images", state: "failed", span: 0, search: "a & b=c", page: 3 },
  { span: 7 },
  { span: 365 },
])("%j stands in the address and is read back", (changed) => {
  const filters = { ...DEFAULTS, ...changed };
  expect(fromAddress(new URLSearchParams(toAddress(new URLSearchParams(), filters).toString()))).toEqual(filters);
});

it("what is as usual is left out of the address, and what belongs to others stays", () => {
  const before = new URLSearchParams("other=1&dag=slooh_images&page=2");
  expect(toAddress(before, DEFAULTS).toString()).toBe("other=1");
});

it.each(["dag=evil", "state=%3Cb%3E", "days=8", "days=", "page=0", "page=-1", "page=1.5", "page=x", "dag=toString"])(
  "%s says nothing",
  (address) => {
    expect(fromAddress(new URLSearchParams(address))).toEqual(DEFAULTS);
  },
);

it("a span reaches over whole days, today among them", () => {
  const now = new Date(2026, 2, 2, 15, 30);
  expect(since(7, now)).toEqual(new Date(2026, 1, 24));
  expect(since(0, now)).toBeNull();
});

const RUN = toRun({
  dag_id: "s3_downloader",
  dag_run_id: "manual__2026",
  state: "failed",
  triggering_user_name: "Ada",
  conf: { raw_file_ids: ["a01", "b02", "c03", "d04", "E05"] },
  note: "for the paper",
});
const RESULT = toResult({ status: "PARTIAL FAILURE", about: ["a01"], problem: "x.raw: Not found: gone" });

it.each(["", "  ", "a01", "e05", "ADA failed", "paper", "2026", "not FOUND", "partial"])("%j finds the run", (search) => {
  expect(matches(search, RUN, RESULT)).toBe(true);
});

it.each(["zzz", "ada zzz", "success"])("%j does not", (search) => {
  expect(matches(search, RUN, RESULT)).toBe(false);
});
