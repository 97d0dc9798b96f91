import { describe, expect, it } from "vitest";
import { countsOf, filtered, linesOf, outcomeOf, pieces } from "./lines";

const REPORT = `S3 Download Status Report
=========================
Raw File ID: a: OK - Downloaded

Files:
------
a.raw: OK - Downloaded and verified (1234.5 MB in 45.2s) [1294467072 bytes, md5:9b2c]
b: OK - Resumed and verified (1.0 MB in 1.0s) [1 bytes, md5:9b2c]
c.raw: OK - Self-healed (hash mismatch detected, re-downloaded) [1 bytes, md5:9b2c]
d.raw: OK - Skipped (already exists) [1 bytes, md5:9b2c]
e: FAILURE - Network error: f: OK - Downloaded

Summary:
--------
Total files: 5
Failed: g: FAILURE - no
`;

describe("a report's lines", () => {
  it("have the outcome of their file", () => {
    expect(linesOf(REPORT).flatMap((line) => (line.outcome ? [line.outcome] : []))).toEqual([
      "downloaded",
      "resumed",
      "self-healed",
      "skipped",
      "failed",
    ]);
  });

  it("of a dry run have the action", () => {
    const text = "a: KEEP - 1 B\nb: DOWNLOAD - 12.0 MB\nc: x: HEAL - 2 B\n";
    expect(linesOf(text).map((line) => line.outcome)).toEqual(["keep", "download", "heal"]);
  });

  it("are what a text has between its breaks, the last one left out", () => {
    expect(linesOf("a\n\nb\n").map((line) => line.text)).toEqual(["a", "", "b"]);
  });

  it("of the words that come first", () => {
    expect(outcomeOf("a: FAILURE - b: OK - Skipped")).toBe("failed");
    expect(outcomeOf("a: OK - Skipped (b: FAILURE - no)")).toBe("skipped");
    expect(outcomeOf("a: OK - Intact (verified, 1.0 MB in 0.1s) [1 bytes, md5:9b2c]")).toBe("intact");
    expect(outcomeOf("a: OK - Something new")).toBe("");
    expect(outcomeOf("")).toBe("");
  });

  it("are counted, failures first", () => {
    expect(countsOf(linesOf(REPORT))[0]).toEqual(["failed", 1]);
  });

  it("are found by outcome and by any of their letters", () => {
    const lines = linesOf(REPORT);
    expect(filtered(lines, "", "")).toBe(lines);
    expect(filtered(lines, "failed", "").map((line) => line.text[0])).toEqual(["e"]);
    expect(filtered(lines, "", " A.RAW ").map((line) => line.outcome)).toEqual(["downloaded"]);
    expect(filtered(lines, "skipped", "a.raw")).toEqual([]);
  });

  it("are cut where the search is", () => {
    expect(pieces("aXbxc", "x")).toEqual(["a", "X", "b", "x", "c"]);
    expect(pieces("abc", "")).toEqual(["abc"]);
    expect(pieces("İx", "x"), "longer in lower case").toEqual(["İx"]);
    expect(pieces("<b>&", "<B>")).toEqual(["", "<b>", "&"]);
  });

  it("are filtered fast, also 100,000", () => {
    const many = linesOf(Array.from({ length: 100_000 }, (_, n) => `file_${n}.bin: OK - Skipped (already exists)`).join("\n"));
    expect(filtered(many, "skipped", "file_99999").length).toBe(1);
  });
});
