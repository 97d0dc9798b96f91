/** Totals over many runs. Dry runs and audits download nothing, and are left out. */
import { DRY_RUN, isActive, type Result } from "./model";

export interface Totals {
  /** Runs that have ended, and how many of them failed. */
  runs: number;
  failedRuns: number;
  files: number;
  successful: number;
  /** Bytes that were downloaded. */
  fetched: number;
  /** When the last run was due that downloaded something; "" where none did. */
  last: string;
}

export function totalsOf(results: Iterable<Result>): Totals {
  const totals: Totals = { runs: 0, failedRuns: 0, files: 0, successful: 0, fetched: 0, last: "" };
  let newest = Number.NEGATIVE_INFINITY;
  for (const result of results) {
    if (!isDownload(result) || isActive(result)) continue;
    totals.runs += 1;
    if (result.state === "failed") totals.failedRuns += 1;
    totals.files += result.files;
    totals.successful += result.successful;
    totals.fetched += result.fetched;
    const due = Date.parse(result.due);
    if (result.fetched > 0 && due > newest) {
      newest = due;
      totals.last = result.due;
    }
  }
  return totals;
}

function isDownload({ status, audit }: Result): boolean {
  return status !== DRY_RUN && !audit;
}

/** `99.2 %`: of all files those that are complete; 100 only where all are. "–" without files. */
export function rate({ files, successful }: Totals): string {
  if (files === 0) return "–";
  const percent = Math.floor((1000 * successful) / files) / 10;
  return `${percent.toFixed(percent === 100 || percent === 0 ? 0 : 1)} %`;
}

/**
 * Bytes that were downloaded on each day, in the visitor's time zone, without gaps. `times`: the noons of the days, in
 * seconds. `first`: the day it begins with; null for that of the first run.
 */
export function daily(results: Iterable<Result>, first: Date | null, now: Date): { times: number[]; bytes: number[] } {
  const byDay = new Map<number, number>();
  let begin = first === null ? now.getTime() : first.getTime();
  for (const result of results) {
    const due = new Date(result.due);
    if (!isDownload(result) || result.fetched === 0 || Number.isNaN(due.getTime())) continue;
    const day = noon(due, 0);
    byDay.set(day, (byDay.get(day) ?? 0) + result.fetched);
    if (first === null) begin = Math.min(begin, due.getTime());
  }
  begin = Math.max(begin, now.getTime() - MOST_DAYS * DAY);
  const times: number[] = [];
  const last = noon(now, 0);
  for (let day = 0, time = 0; time < last; day += 1) {
    time = noon(new Date(begin), day);
    times.push(time);
  }
  return { times, bytes: times.map((time) => byDay.get(time) ?? 0) };
}

const DAY = 86_400_000;
const MOST_DAYS = 3_653;

function noon(day: Date, later: number): number {
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + later, 12).getTime() / 1000;
}
