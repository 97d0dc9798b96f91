import { expect, it } from "vitest";
import { plainNote } from "./note";

it.each([
  ["restore 20250115_sample: \\*.tdf, sample.d/\\*", "restore 20250115_sample: *.tdf, sample.d/*"],
  ["restore a\\\\b", "restore a\\b"],
  ["as a person wrote it: C:\\data", "as a person wrote it: C:\\data"],
])("%s", (note, reads) => {
  expect(plainNote(note)).toBe(reads);
});
