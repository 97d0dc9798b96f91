/** What the visitor wants to see. It stands in the address, so that it can be sent to others and survives a reload. */
import { visible } from "../shared/visible";
import { DAGS } from "../shared/dags";
import { type Result, remarks, type Run, STATES, what } from "./model";

export const SPANS = [7, 30, 365, 0] as const;
/** Days. 0 stands for all. */
export type Span = (typeof SPANS)[number];

export interface Filters {
  /** "" for all. */
  dag: string;
  /** "" for all. */
  state: string;
  span: Span;
  search: string;
  /** The first is 0. */
  page: number;
}

export const DEFAULTS: Filters = { dag: "", state: "", span: 30, search: "", page: 0 };

/** What an address says; what it says wrongly is as if it were not there. */
export function fromAddress(params: URLSearchParams): Filters {
  const dag = params.get("dag") ?? "";
  const state = params.get("state") ?? "";
  const days = params.get("days");
  const page = Number(params.get("page") ?? 1);
  return {
    dag: DAGS.some((known) => known === dag) ? dag : "",
    state: STATES.some((known) => known === state) ? state : "",
    span: SPANS.find((span) => String(span || "all") === days) ?? DEFAULTS.span,
    search: params.get("q") ?? "",
    page: Number.isInteger(page) && page > 0 ? page - 1 : 0,
  };
}

/** `params` with these filters; what is as usual is left out. */
export function toAddress(params: URLSearchParams, filters: Filters): URLSearchParams {
  const next = new URLSearchParams(params);
  const values: [string, string][] = [
    ["dag", filters.dag],
    ["state", filters.state],
    ["days", filters.span === DEFAULTS.span ? "" : String(filters.span || "all")],
    ["q", filters.search],
    ["page", filters.page > 0 ? String(filters.page + 1) : ""],
  ];
  for (const [name, value] of values) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  return next;
}

/** The midnight, in the visitor's time zone, from which on a span of whole days reaches to `now`; null for all. */
export function since(span: Span, now: Date): Date | null {
  return span === 0 ? null : new Date(now.getFullYear(), now.getMonth(), now.getDate() - span + 1);
}

/** Whether each word of `search` stands somewhere in what is shown of a run. */
export function matches(search: string, run: Run, result?: Result): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const { raw_file_ids: ids } = run.conf;
  const text = [
    run.dagId,
    run.dagName,
    run.runId,
    run.state,
    run.who,
    run.note,
    what(run, result),
    ...remarks(run),
    ...(Array.isArray(ids) ? ids.map(String) : []),
    ...(result ? [...result.about, result.status, result.problem] : []),
  ];
  const haystack = text.map(visible).join("\n").toLowerCase();
  return words.every((word) => haystack.includes(word));
}
