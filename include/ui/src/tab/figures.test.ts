import { describe, expect, it } from "vitest";
import { overTime, percentOf, whole } from "./figures";
import { type Progress, progressOf } from "./run";

function progress(figures: object): Progress {
  return progressOf({ files: 1, ...figures }) as Progress;
}

const HALF = progress({ files: 2, files_done: 1, bytes_done: 50, bytes_planned: 100, bytes_a_second: 10 });
const ALL = progress({ files: 3, files_done: 3, bytes_done: 100, bytes_planned: 100, bytes_a_second: 99 });

describe("the whole", () => {
  it("is the sum of its shards, and as fast as those that run", () => {
    const shards = [
      { progress: HALF, running: true },
      { progress: ALL, running: false },
    ];
    expect(whole(shards)).toEqual({
      filesDone: 4,
      files: 5,
      bytesDone: 150,
      bytesPlanned: 200,
      speed: 10,
      all: true,
      left: 5,
      percent: 75,
    });
  });

  it("counts shards that have not begun as the others", () => {
    const shards = [
      { progress: HALF, running: true },
      { progress: null, running: false },
    ];
    expect(whole(shards)).toMatchObject({ all: false, left: 15, percent: 25, bytesDone: 50, bytesPlanned: 100 });
  });

  it("has no end in sight while nothing comes", () => {
    expect(whole([{ progress: HALF, running: false }])).toMatchObject({ left: null, percent: 50 });
    expect(whole([{ progress: null, running: true }])).toMatchObject({ left: null, percent: null, all: false });
  });

  it("of nothing is nothing", () => {
    expect(whole([])).toMatchObject({ files: 0, percent: null, left: null });
  });
});

it("percent is of files where no size is known, and 100 where all is done", () => {
  expect(percentOf({ filesDone: 1, files: 3, bytesDone: 0, bytesPlanned: 0 })).toBe(33);
  expect(percentOf({ filesDone: 1, files: 3, bytesDone: 999, bytesPlanned: 1000 })).toBe(99);
  expect(percentOf({ filesDone: 0, files: 0, bytesDone: 0, bytesPlanned: 0 })).toBeNull();
});

describe("bytes over time", () => {
  const at = (second: number) => Date.parse("2026-01-01T00:00:00Z") / 1000 + second;
  const one = progress({ began: "2026-01-01T00:00:00+00:00", history: [[0, 0], [10, 100]] });
  const two = progress({ began: "2026-01-01T00:00:05+00:00", history: [[0, 0], [5, 50], [15, 50]] });

  it("add up over the shards", () => {
    expect(overTime([one, null, two])).toEqual({ times: [at(0), at(5), at(10), at(20)], bytes: [0, 50, 150, 150] });
  });

  it("need a beginning", () => {
    expect(overTime([null, progress({ history: [[0, 1]] }), progress({ began: "2026-01-01T00:00:00Z" })])).toEqual({
      times: [],
      bytes: [],
    });
  });

  it("have few points, the last of which is kept", () => {
    const shards = Array.from({ length: 50 }, (_, shard) =>
      progress({
        began: new Date(1.8e12 + shard * 7000).toISOString(),
        history: Array.from({ length: 120 }, (_, n) => [n * 11, n]),
      }),
    );
    const { times, bytes } = overTime(shards);
    expect(times.length).toBeLessThan(500);
    expect(bytes.at(-1)).toBe(50 * 119);
  });
});
