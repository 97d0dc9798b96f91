/** The XComs `result` and `report_text` of the task `report`. */

import { type Json, asCount, asList, asNumber, asObject, asText } from "../shared/json";

export interface FailedFile {
  name: string;
  kind: string;
  message: string;
}

export interface Action {
  name: string;
  files: number;
  bytes: number;
}

export interface Report {
  about: string;
  path: string;
  destination: string;
  /** Why there is no report at the destination, of an audit where nothing may be written; else "". */
  unwritten: string;
  status: string;
  files: number;
  successful: number;
  failed: number;
  bytes: number;
  seconds: number | null;
  outcomes: [string, number][];
  assurances: [string, number][];
  failures: FailedFile[];
  /** Of a dry run; else none. */
  actions: Action[];
  free: number | null;
  toFetch: number | null;
  /** Files to be fetched of which no size is known. */
  unsized: number;
}

export interface Result {
  status: string;
  reports: Report[];
  problems: string[];
}

export interface ReportText {
  about: string;
  path: string;
  text: string;
  leftOut: number;
}

/** Null where it is no result: it was pushed by another program, or there is none. */
export function resultOf(value: unknown): Result | null {
  const result = asObject(value);
  if (!asText(result["status"]) || !Array.isArray(result["reports"])) return null;
  return {
    status: asText(result["status"]),
    reports: asList(result["reports"]).map(reportOf),
    problems: asList(result["problems"]).map(asText).filter(Boolean),
  };
}

function reportOf(value: unknown): Report {
  const report = asObject(value);
  return {
    about: asText(report["about"]),
    path: asText(report["path"]),
    destination: asText(report["destination"]),
    unwritten: asText(report["unwritten"]),
    status: asText(report["status"]),
    files: asCount(report["files"]),
    successful: asCount(report["successful"]),
    failed: asCount(report["failed"]),
    bytes: asCount(report["bytes"]),
    seconds: asNumber(report["seconds"]),
    outcomes: countsOf(report["outcomes"]),
    assurances: countsOf(report["assurances"]),
    failures: asList(report["failures"]).map(failedFileOf),
    actions: actionsOf(asObject(report["actions"])),
    free: asNumber(report["free"]),
    toFetch: asNumber(report["to_fetch"]),
    unsized: asCount(report["unsized"]),
  };
}

const ACTIONS = ["keep", "resume", "heal", "thaw", "download"];

/** In the order in which they are shown: Airflow's database keeps none. */
function actionsOf(actions: Json): Action[] {
  return Object.entries(actions)
    .sort(([a], [b]) => ACTIONS.indexOf(a) - ACTIONS.indexOf(b))
    .map(([name, action]) => ({ name, files: asCount(asObject(action)["files"]), bytes: asCount(asObject(action)["bytes"]) }));
}

function failedFileOf(value: unknown): FailedFile {
  const failure = asObject(value);
  const message = asText(failure["message"]);
  const kind = asText(failure["kind"]);
  // A message that begins with its kind would read twice.
  return {
    name: asText(failure["name"]),
    kind,
    message: kind && message.startsWith(`${kind}: `) ? message.slice(kind.length + 2) : message,
  };
}

function countsOf(value: unknown): [string, number][] {
  return Object.entries(asObject(value))
    .map(([name, number]): [string, number] => [name, asCount(number)])
    .filter(([, number]) => number > 0);
}

export function textsOf(value: unknown): ReportText[] {
  return asList(value).map((each) => {
    const text = asObject(each);
    return {
      about: asText(text["about"]),
      path: asText(text["path"]),
      text: asText(text["text"]),
      leftOut: asCount(text["left_out"]),
    };
  });
}

/** The counts of several reports, added up. */
export function added(counts: [string, number][][]): [string, number][] {
  const sums = new Map<string, number>();
  for (const [name, number] of counts.flat()) sums.set(name, (sums.get(name) ?? 0) + number);
  return [...sums];
}

/** What happened, and what to do about it: a message has them in this order, apart by `; `. */
export function advised(message: string): [string, string] {
  const at = message.lastIndexOf("; ");
  return at < 0 ? [message, ""] : [message.slice(0, at), message.slice(at + 2)];
}
