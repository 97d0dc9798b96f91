const SLOWEST = 60_000;

/** Milliseconds to the next request after so many failures in a row: twice as long each time. */
export function backoff(interval: number, failures: number): number {
  return Math.min(interval * 2 ** Math.min(failures, 10), SLOWEST);
}
