/** The figures of all shards as one. */

import type { Progress } from "./run";

export interface Whole {
  filesDone: number;
  files: number;
  bytesDone: number;
  bytesPlanned: number;
  speed: number;
  /** Whether `files` and `bytesPlanned` are of all shards: one that has not begun has no figures. */
  all: boolean;
  /** Seconds; null where it cannot be told. */
  left: number | null;
  percent: number | null;
}

/**
 * `shards`: with null for figures that there are not. `running`: whether it is being downloaded now.
 *
 * Shards are planned of like sizes: one without figures counts as much as the others do on average.
 */
export function whole(shards: { progress: Progress | null; running: boolean }[]): Whole {
  const known = shards.flatMap(({ progress }) => (progress ? [progress] : []));
  const sum = (of: (progress: Progress) => number) => known.reduce((total, each) => total + of(each), 0);
  const figures = {
    filesDone: sum((each) => each.filesDone),
    files: sum((each) => each.files),
    bytesDone: sum((each) => each.bytesDone),
    bytesPlanned: sum((each) => each.bytesPlanned),
    speed: shards.reduce((total, { progress, running }) => total + (running ? (progress?.speed ?? 0) : 0), 0),
  };
  const share = known.length / Math.max(1, shards.length);
  const rest = share > 0 ? figures.bytesPlanned / share - figures.bytesDone : 0;
  const percent = percentOf(figures);
  return {
    ...figures,
    all: share === 1,
    left: figures.speed > 0 && rest > 0 ? Math.round(rest / figures.speed) : null,
    percent: percent === null ? null : Math.floor(percent * share),
  };
}

/** Of bytes, or of files where no size is known; 100 only where all is done. */
export function percentOf(figures: {
  filesDone: number;
  files: number;
  bytesDone: number;
  bytesPlanned: number;
}): number | null {
  const { filesDone, files, bytesDone, bytesPlanned } = figures;
  const [done, total] = bytesPlanned > 0 ? [bytesDone, bytesPlanned] : [filesDone, files];
  return total > 0 ? Math.min(100, Math.floor((100 * done) / total)) : null;
}

const MOST_TIMES = 400;

/**
 * Bytes of all shards over time: seconds since the epoch, and what was there by then. Between two points of a shard its
 * bytes grow evenly; before the first there are none.
 */
export function overTime(shards: (Progress | null)[]): { times: number[]; bytes: number[] } {
  const lines = shards.flatMap((progress) => {
    const began = progress ? Date.parse(progress.began) / 1000 : Number.NaN;
    return progress && Number.isFinite(began) && progress.history.length
      ? [progress.history.map(([seconds, bytes]): [number, number] => [began + seconds, bytes])]
      : [];
  });
  const all = [...new Set(lines.flatMap((line) => line.map(([time]) => time)))].sort((a, b) => a - b);
  const step = Math.max(1, Math.ceil(all.length / MOST_TIMES));
  const times = all.filter((_, index) => index % step === 0 || index === all.length - 1);
  const bytes = times.map(() => 0);
  for (const line of lines) {
    let next = 0;
    times.forEach((time, index) => {
      while (next < line.length && (line[next] as [number, number])[0] <= time) next += 1;
      bytes[index] = (bytes[index] as number) + between(line[next - 1], line[next], time);
    });
  }
  return { times, bytes };
}

function between(before: [number, number] | undefined, after: [number, number] | undefined, time: number): number {
  if (before === undefined) return 0;
  if (after === undefined) return before[1];
  return before[1] + ((after[1] - before[1]) * (time - before[0])) / (after[0] - before[0]);
}
