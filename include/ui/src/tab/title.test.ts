import { expect, it } from "vitest";
import { resultOf } from "./result";
import { runOf } from "./run";
import { titleOf } from "./title";

function title(conf: unknown, note: string, about: string[]): string {
  const result = resultOf({ status: "SUCCESS", reports: about.map((each) => ({ about: each })) });
  return titleOf("s3_downloader", { run: runOf({ conf, note }), outcome: { read: "", result, texts: [] } });
}

it.each([
  [{}, "", [], "s3_downloader"],
  [{ project_id: "P1" }, "", [], "P1"],
  [{ project_id: "P1" }, "restore project P1", ["a", "b"], "restore project P1"],
  [{ raw_file_id: "a01" }, "restore a01", ["a01"], "a01"],
  [{ raw_file_id: "a01", audit: true }, "audit a01", ["a01"], "Audit of a01"],
  [{ project_id: "P1", audit: true }, "audit project P1", ["a", "b"], "audit project P1"],
  [{ bucket: "audit data", audit: true }, "audit FHIR exports", ["audit data"], "Audit of audit data"],
  [{ project_id: "P1", audit: true }, "before the move", [], "Audit of before the move"],
  [{ audit: "true" }, "", [], "s3_downloader"],
])("%j, noted as %j, on %j is %s", (conf, note, about, expected) => {
  expect(title(conf, note, about)).toBe(expected);
});
