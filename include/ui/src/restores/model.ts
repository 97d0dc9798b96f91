/** Runs and results, as Airflow and the plugin answer them, and what a run is in a few words. */
import { plainNote } from "../shared/note";
import { visible } from "../shared/visible";
import { asCount, asList, asNumber, asObject, asText, type Json } from "../shared/json";

export const STATES = ["queued", "running", "success", "failed"] as const;

/** A run of a DAG. Times are ISO texts, "" where there is none. `seconds`: how long it took, null while it runs. */
export interface Run {
  key: string;
  dagId: string;
  dagName: string;
  runId: string;
  state: string;
  due: string;
  started: string;
  ended: string;
  seconds: number | null;
  who: string;
  note: string;
  conf: Json;
}

/** What became of a run. `status`: "" where there is no result (yet). `fetched`: bytes that this run downloaded. */
export interface Result {
  key: string;
  dagId: string;
  state: string;
  due: string;
  status: string;
  /** Whether it only compared what is on the disk. */
  audit: boolean;
  about: string[];
  reports: number;
  files: number;
  successful: number;
  failed: number;
  bytes: number;
  fetched: number;
  problem: string;
}

export const DRY_RUN = "DRY RUN";

/** Stands for one run among those of all DAGs. */
export function keyOf(dagId: string, runId: string): string {
  return JSON.stringify([dagId, runId]);
}

/** Whether a run has not ended. */
export function isActive({ state }: { state: string }): boolean {
  return state !== "success" && state !== "failed";
}

/** A run of Airflow's list of runs. */
export function toRun(answer: unknown): Run {
  const run = asObject(answer);
  const dagId = asText(run.dag_id);
  const runId = asText(run.dag_run_id);
  return {
    key: keyOf(dagId, runId),
    dagId,
    dagName: asText(run.dag_display_name) || dagId,
    runId,
    state: asText(run.state),
    due: asText(run.run_after),
    started: asText(run.start_date),
    ended: asText(run.end_date),
    seconds: asNumber(run.duration),
    who: who(asText(run.triggering_user_name), asText(run.triggered_by)),
    note: plainNote(asText(run.note)),
    conf: asObject(run.conf),
  };
}

/** A result of the plugin's list of results. */
export function toResult(answer: unknown): Result {
  const result = asObject(answer);
  const dagId = asText(result.dag_id);
  return {
    key: keyOf(dagId, asText(result.run_id)),
    dagId,
    state: asText(result.state),
    due: asText(result.run_after),
    status: asText(result.status),
    audit: result.audit === true,
    about: asList(result.about).map(asText).filter(Boolean),
    reports: asCount(result.reports),
    files: asCount(result.files),
    successful: asCount(result.successful),
    failed: asCount(result.failed),
    bytes: asCount(result.bytes),
    fetched: asCount(result.fetched),
    problem: asText(result.problem),
  };
}

const WAYS: Record<string, string> = {
  asset: "an asset event",
  backfill: "a backfill",
  cli: "the command line",
  operator: "another DAG",
  rest_api: "the API",
  test: "a test",
  timetable: "the schedule",
};

/** Who, or what, started a run. */
function who(user: string, way: string): string {
  return user || (WAYS[way] ?? way.replaceAll("_", " "));
}

const MOST_NAMES = 3;

/** The first of `names`, and how many more there are. */
export function few(names: string[], count = names.length): string {
  const shown = names.slice(0, MOST_NAMES).map(visible);
  const more = count - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more.toLocaleString("en-US")} more` : shown.join(", ");
}

/** What a run downloads: its parameters in a few words. `result`: tells what the parameters leave to the configuration. */
export function what(run: Run, result?: Result): string {
  const asked = ASKED[run.dagId]?.(run.conf) ?? "";
  return asked || (result ? few(result.about, result.reports) : "");
}

/** The note of a run, where it tells more than `name` does; "" where it does not: many are made of the parameters. */
export function noteBesides(name: string, { note }: Run): string {
  const words = (text: string) => text.toLowerCase().split(/[^\p{L}\p{N}]+/u);
  const noted = new Set(words(note));
  return words(name).every((word) => word === "only" || noted.has(word)) ? "" : visible(note);
}

/** What a run was asked for besides: that it only looks, or downloads anew. */
export function remarks(run: Run): string[] {
  const { conf } = run;
  return [
    conf.dry_run === true ? "dry run" : "",
    conf.audit === true ? "audit" : "",
    conf.overwrite === true || conf.duplicates === "overwrite" ? "overwrite" : "",
    asText(conf.thaw) ? `thaw: ${visible(asText(conf.thaw))}` : "",
  ].filter(Boolean);
}

const ASKED: Record<string, (conf: Json) => string> = {
  s3_downloader: (conf) => {
    const ids = texts(conf.raw_file_id || conf.raw_file_ids);
    const project = asText(conf.project_id);
    return only(ids.length > 0 ? few(ids) : project && `project ${visible(project)}`, texts(conf.files));
  },
  minio_downloader: (conf) => {
    const place = [asText(conf.bucket), asText(conf.prefix)].filter(Boolean).join("/");
    return only(visible(place), texts(conf.filter));
  },
  drive_datasets: (conf) => only(visible(asText(conf.manifest)), texts(conf.datasets)),
  slooh_images: (conf) => {
    const mission = asNumber(conf.mission_id);
    const days = [asText(conf.since) && `since ${asText(conf.since)}`, asText(conf.until) && `until ${asText(conf.until)}`];
    const select = mission === null ? asText(conf.select) || "new" : `mission ${mission}`;
    const wanted = [...texts(conf.telescopes), ...texts(conf.objects), ...texts(conf.file_types)];
    return only(visible([select, ...days].filter(Boolean).join(" ")), wanted);
  },
};

function only(what: string, chosen: string[]): string {
  return [what, chosen.length > 0 ? `only ${few(chosen)}` : ""].filter(Boolean).join(", ");
}

/** A list of texts, or one text. */
function texts(value: unknown): string[] {
  return (typeof value === "string" ? [value] : asList(value)).map(asText).filter(Boolean);
}
