/** The runs of the DAGs and their results, the newest first, kept up to date. */
import { useEffect, useRef, useState } from "react";
import { type Polled, usePolled } from "../shared/poll";
import { loadPages, loadResults, loadWaits, type Page, type Query, type Results, RUNS_A_REQUEST, runsOf } from "./loading";
import { isActive, type Run } from "./model";

const BUSY = 5_000;
const IDLE = 30_000;

export interface Runs {
  runs: Run[];
  /** How many there are, loaded or not. */
  total: number;
  /** Whether all that were wanted are there. */
  complete: boolean;
}

/** The newest `wanted` runs. Those that are there stay while more are loaded. */
export function useRuns(query: Query, wanted: number): Polled<Runs> {
  const key = JSON.stringify([query.dags, query.states, query.since]);
  const [soFar, setSoFar] = useState<{ key: string; pages: Page[] } | null>(null);
  const polled = usePolled<Page[]>(
    key,
    (signal, before) => loadPages(query, wanted, before, signal, (pages) => setSoFar({ key, pages })),
    (pages) => (pages.some(({ runs }) => runs.some(isActive)) ? BUSY : IDLE),
  );
  const asked = useRef(wanted);
  useEffect(() => {
    if (wanted > asked.current) polled.again();
    asked.current = wanted;
  });
  const loaded = polled.value ?? [];
  const pages = soFar?.key === key && soFar.pages.length > loaded.length ? soFar.pages : loaded;
  const total = pages.at(-1)?.total ?? 0;
  const complete = pages.length * RUNS_A_REQUEST >= Math.min(wanted, total);
  return { ...polled, value: pages.length > 0 ? { runs: runsOf(pages), total, complete } : null };
}

const NOTHING: ReadonlyMap<string, string> = new Map();

/** What the runs of a page wait for. Where that cannot be seen, they are shown as Airflow calls them. */
export function useWaits(runs: Run[]): ReadonlyMap<string, string> {
  const active = runs.filter(({ state }) => state === "running");
  const key = JSON.stringify(active.map((run) => run.key));
  const polled = usePolled(key, (signal) => loadWaits(active, signal), () => (active.length > 0 ? BUSY : null));
  return polled.value ?? NOTHING;
}

/** The results of all runs since a moment, by their keys. `complete`: whether the oldest are there too. */
export function useResults(since: Date | null): Polled<Results> & { complete: boolean } {
  const key = JSON.stringify(since);
  const [soFar, setSoFar] = useState<{ key: string; results: Results } | null>(null);
  const polled = usePolled<Results>(
    key,
    (signal, before) => loadResults(since, before, signal, (results) => setSoFar({ key, results })),
    (results) => ([...results.values()].some(isActive) ? BUSY : IDLE),
  );
  const partial = soFar?.key === key ? soFar.results : null;
  return { ...polled, value: polled.value ?? partial, complete: polled.value !== null };
}
