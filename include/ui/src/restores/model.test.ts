import { expect, it } from "vitest";
import { few, isActive, keyOf, noteBesides, remarks, toResult, toRun, what } from "./model";

const RUN = { dag_id: "s3_downloader", dag_run_id: "manual__1", state: "success", run_after: "2026-11-28T00:00:00Z" };

function run(dag_id: string, conf: unknown) {
  return toRun({ ...RUN, dag_id, conf });
}

it.each([
  ["s3_downloader", { raw_file_id: "20250115_sample" }, "20250115_sample"],
  ["s3_downloader", { raw_file_ids: ["a01", "b02", "c03", "d04", "e05"] }, "a01, b02, c03 and 2 more"],
  ["s3_downloader", { raw_file_id: null, raw_file_ids: null, project_id: "PRID001" }, "project PRID001"],
  ["s3_downloader", { raw_file_id: "a01", files: ["*.tdf", "x/*"] }, "a01, only *.tdf, x/*"],
  ["minio_downloader", { bucket: "fhir", prefix: "2026/", filter: "Patient,Observation" }, "fhir/2026/, only Patient,Observation"],
  ["minio_downloader", { filter: ["Patient", "Observation"] }, "only Patient, Observation"],
  ["minio_downloader", {}, ""],
  ["drive_datasets", { manifest: null, datasets: ["fan/*"] }, "only fan/*"],
  ["slooh_images", {}, "new"],
  ["slooh_images", { select: "mission", mission_id: 12345 }, "mission 12345"],
  ["slooh_images", { select: "all", since: "2026-01-01", objects: ["M31"] }, "all since 2026-01-01, only M31"],
  ["another_dag", { raw_file_id: "a01" }, ""],
])("%s %j is %s", (dagId, conf, expected) => {
  expect(what(run(dagId, conf))).toBe(expected);
});

it("what the parameters leave to the configuration is told by the result", () => {
  const result = toResult({ about: ["fhir-data"], reports: 1 });
  expect(what(run("minio_downloader", null), result)).toBe("fhir-data");
  expect(what(run("minio_downloader", { bucket: "mine" }), result)).toBe("mine");
});

it("names that others chose can neither break a line nor turn it around", () => {
  expect(what(run("s3_downloader", { raw_file_id: "a\nb\u202egnp.exe<b>" }))).toBe("a\\x0ab\\u202egnp.exe<b>");
  expect(few(["a\u0000"], 3)).toBe("a\\x00 and 2 more");
});

it("what a run was asked for besides is told", () => {
  expect(remarks(run("s3_downloader", { dry_run: true, thaw: "Bulk", audit: false }))).toEqual(["dry run", "thaw: Bulk"]);
  expect(remarks(run("minio_downloader", { audit: true }))).toEqual(["audit"]);
  expect(remarks(run("slooh_images", { duplicates: "overwrite" }))).toEqual(["overwrite"]);
  expect(remarks(run("slooh_images", null))).toEqual([]);
});

it.each([
  ["a01, only *.tdf", "restore a01: *.tdf", ""],
  ["all since 2026-01-01, only M31", "all pictures since 2026-01-01: M31", ""],
  ["fhir/2026/", "download FHIR exports of fhir 2026/", ""],
  ["a01", "for the paper\u202e", "for the paper\\u202e"],
  ["a01", "", ""],
  ["as configured", "download data sets", "download data sets"],
])("beside %j the note %j is told as %j", (name, note, told) => {
  expect(noteBesides(name, toRun({ ...RUN, note }))).toBe(told);
});

it.each([
  [{ triggering_user_name: "ada", triggered_by: "ui" }, "ada"],
  [{ triggering_user_name: null, triggered_by: "operator" }, "another DAG"],
  [{ triggered_by: "some_new_way" }, "some new way"],
  [{}, ""],
])("%j was started by %s", (answer, who) => {
  expect(toRun(answer).who).toBe(who);
});

it("a key stands for one run, whatever the names hold", () => {
  expect(keyOf("a", 'b","c')).not.toBe(keyOf('a","b', "c"));
  expect(toResult({ dag_id: "a", run_id: "b" }).key).toBe(toRun({ dag_id: "a", dag_run_id: "b" }).key);
});

it.each([null, 7, "text", [], { conf: "text", about: "x", files: -1, bytes: Number.NaN, duration: "long" }])(
  "%j is read without harm",
  (answer) => {
    expect(toRun(answer)).toMatchObject({ conf: {}, seconds: null });
    expect(toResult(answer)).toMatchObject({ about: [], files: 0, bytes: 0, status: "", audit: false });
    expect(what(toRun(answer), toResult(answer))).toBe("");
  },
);

it("a state that Airflow adds one day is one that has not ended", () => {
  expect(["queued", "running", "restarting", "success", "failed"].map((state) => isActive({ state }))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});
