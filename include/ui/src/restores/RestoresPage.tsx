import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "react-router-dom";
import { count } from "../shared/format";
import { Failure, Frame, Notice } from "../shared/parts";
import { useResults, useRuns, useWaits } from "./feeds";
import { type Filters, fromAddress, matches, SPANS, type Span, since, toAddress } from "./filters";
import { RUNS_A_REQUEST } from "./loading";
import { DAGS } from "../shared/dags";
import { type Result, STATES } from "./model";
import { ReadyPanel } from "./ReadyPanel";
import { RunTable } from "./RunTable";
import style from "./restores.css";
import { TotalsPanel } from "./TotalsPanel";

const ROWS = 50;
const SPAN_NAMES: Record<Span, string> = { 7: "7 days", 30: "30 days", 365: "365 days", 0: "all" };
const NONE: ReadonlyMap<string, Result> = new Map();

/** The page Restores: the runs of all four DAGs, what they have downloaded, and whether another one would work. */
export function RestoresPage() {
  const [params, setParams] = useSearchParams();
  const filters = useMemo(() => fromAddress(params), [params]);
  const change = (changed: Partial<Filters>) =>
    setParams(toAddress(params, { ...filters, page: 0, ...changed }), { replace: changed.page === undefined });
  const now = useNow();
  const today = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const first = useMemo(() => since(filters.span, new Date(today)), [filters.span, today]);
  const results = useResults(first);
  const counted = useMemo(() => {
    const all = [...(results.value ?? NONE).values()];
    return filters.dag ? all.filter(({ dagId }) => dagId === filters.dag) : all;
  }, [results.value, filters.dag]);
  return (
    <Frame label="Restores">
      <style>{style}</style>
      <header className="dl-row">
        <h2 className="dl-grow">Restores</h2>
        <Choice
          label="DAG"
          value={filters.dag}
          of={[["", "All DAGs"], ...DAGS.map((dag): [string, string] => [dag, dag])]}
          choose={(dag) => change({ dag })}
        />
        <Choice
          label="Time"
          value={String(filters.span)}
          of={SPANS.map((span) => [String(span), span === 0 ? "All time" : `Last ${SPAN_NAMES[span]}`])}
          choose={(span) => change({ span: Number(span) as Span })}
        />
      </header>
      <ReadyPanel />
      {results.error !== null && (
        <Failure error={results.error} again={results.again} keeps={results.value !== null} />
      )}
      <TotalsPanel
        results={counted}
        complete={results.complete}
        first={first}
        now={new Date(today)}
        span={filters.span}
        whose={filters.dag || "all DAGs"}
      />
      <List filters={filters} change={change} first={first} results={results.value ?? NONE} now={now} />
    </Frame>
  );
}

function List(props: {
  filters: Filters;
  change: (changed: Partial<Filters>) => void;
  first: Date | null;
  results: ReadonlyMap<string, Result>;
  now: Date;
}) {
  const { filters, change, first, results, now } = props;
  const [typed, setTyped] = useTyped(filters.search, (search) => change({ search }));
  const search = useDeferredValue(filters.search);
  const wanted = search.trim() ? Number.MAX_SAFE_INTEGER : Math.ceil(((filters.page + 1) * ROWS) / RUNS_A_REQUEST) * RUNS_A_REQUEST;
  const query = {
    dags: filters.dag ? [filters.dag] : DAGS,
    states: filters.state ? [filters.state] : [],
    since: first,
  };
  const runs = useRuns(query, wanted);
  const found = useMemo(
    () => runs.value?.runs.filter((run) => matches(search, run, results.get(run.key))) ?? [],
    [runs.value, search, results],
  );
  const total = search.trim() ? found.length : (runs.value?.total ?? 0);
  const pages = Math.max(1, Math.ceil(total / ROWS));
  const page = Math.min(filters.page, pages - 1);
  const shown = found.slice(page * ROWS, (page + 1) * ROWS);
  const waits = useWaits(shown);
  return (
    <section className="dl-panel" aria-labelledby="dl-list">
      <div className="dl-row">
        <h3 id="dl-list" className="dl-grow">
          Runs
        </h3>
        <input
          type="search"
          className="dl-input dl-search"
          aria-label="Search runs"
          placeholder="Search: raw file, bucket, user, run ..."
          value={typed}
          maxLength={200}
          onChange={({ currentTarget }) => setTyped(currentTarget.value)}
        />
        <Choice
          label="State"
          value={filters.state}
          of={[["", "All states"], ...STATES.map((state): [string, string] => [state, state])]}
          choose={(state) => change({ state })}
        />
      </div>
      {runs.error !== null && <Failure error={runs.error} again={runs.again} keeps={runs.value !== null} />}
      {runs.value === null
        ? runs.error === null && <p className="dl-muted">Loading ...</p>
        : total === 0 && runs.value.complete && <Nothing filters={filters} change={change} />}
      {shown.length > 0 && <RunTable runs={shown} results={results} waits={waits} now={now} />}
      <nav className="dl-row" aria-label="Pages of runs">
        <span className="dl-muted dl-grow" role="status">
          {total > 0 && `Runs ${count(page * ROWS + 1)} to ${count(Math.min(total, (page + 1) * ROWS))} of ${count(total)}`}
          {runs.value !== null && !runs.value.complete && ` · looked at ${count(runs.value.runs.length)} of ${count(runs.value.total)} ...`}
        </span>
        <button type="button" className="dl-button" disabled={page === 0} onClick={() => change({ page: page - 1 })}>
          Newer
        </button>
        <button type="button" className="dl-button" disabled={page + 1 >= pages} onClick={() => change({ page: page + 1 })}>
          Older
        </button>
      </nav>
    </section>
  );
}

function Nothing({ filters, change }: { filters: Filters; change: (changed: Partial<Filters>) => void }) {
  const narrowed = filters.search || filters.state || filters.dag || filters.span !== 0;
  return (
    <Notice kind="info">
      <div className="dl-row">
        <span className="dl-grow">
          {narrowed ? "No run is like that." : "No run yet. Open a DAG and press Trigger: it will be listed here."}
        </span>
        {narrowed && (
          <button
            type="button"
            className="dl-button dl-small"
            onClick={() => change({ search: "", state: "", dag: "", span: 0 })}
          >
            Show all runs
          </button>
        )}
      </div>
    </Notice>
  );
}

/** What is typed into a field: handed on when the typing pauses, replaced where `value` changes by itself. */
function useTyped(value: string, hand: (typed: string) => void): [string, (typed: string) => void] {
  const [typed, setTyped] = useState(value);
  const handed = useRef(value);
  useEffect(() => {
    if (value !== handed.current) setTyped(value);
    handed.current = value;
  }, [value]);
  useEffect(() => {
    if (typed === handed.current) return;
    const timer = setTimeout(() => {
      handed.current = typed;
      hand(typed);
    }, 250);
    return () => clearTimeout(timer);
  });
  return [typed, setTyped];
}

function Choice(props: { label: string; value: string; of: [string, string][]; choose: (value: string) => void }) {
  return (
    <select
      className="dl-input"
      aria-label={props.label}
      value={props.value}
      onChange={({ currentTarget }) => props.choose(currentTarget.value)}
    >
      {props.of.map(([value, name]) => (
        <option key={value} value={value}>
          {name}
        </option>
      ))}
    </select>
  );
}

/** The time, as of some seconds ago. */
function useNow(): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), 5_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
