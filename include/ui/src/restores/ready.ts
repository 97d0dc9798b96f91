/** Whether a run of each DAG would start, and find what it needs: by Airflow's REST API, and by the plugin. */
import { ApiError, ask, segment } from "../shared/api";
import { asNumber, asObject, asText, type Json } from "../shared/json";
import { count, size } from "../shared/format";
import { DAGS } from "../shared/dags";

/** `unseen`: cannot be seen from here, which is no failure. `late`: a later look may tell. `absent`: not set up. */
export type State = "ready" | "unseen" | "late" | "absent" | "problem";

export interface Check {
  name: string;
  state: State;
  sentence: string;
}

export interface Readiness {
  dagId: string;
  dagName: string;
  /** The worst of the checks. */
  state: State;
  checks: Check[];
}

const STATES: readonly State[] = ["ready", "late", "unseen", "absent", "problem"];
const UNSEEN: Check["state"] = "unseen";

/** What Airflow's own API has of one DAG; an error where it refused to say. */
export interface Known {
  dag: Json | Error;
  /** The pool of the task download: its name, and what it is like. */
  poolName: string;
  pool: Json | Error;
}

/** Asks all there is to ask. Throws ApiError where nothing can be known. */
export async function loadReadiness(signal: AbortSignal): Promise<Readiness[]> {
  const [seen, ...known] = await Promise.all([
    answerOf("ready", signal, "downloader"),
    ...DAGS.map((dagId) => loadKnown(dagId, signal)),
  ]);
  return DAGS.map((dagId, index) =>
    readinessOf(dagId, known[index] as Known, seen instanceof Error ? seen : asObject(seen[dagId])),
  );
}

async function loadKnown(dagId: string, signal: AbortSignal): Promise<Known> {
  const [dag, task] = await Promise.all([
    answerOf(`dags/${segment(dagId)}`, signal),
    answerOf(`dags/${segment(dagId)}/tasks/download`, signal),
  ]);
  if (task instanceof Error) return { dag, poolName: "", pool: task };
  const poolName = asText(task.pool);
  return { dag, poolName, pool: await answerOf(`pools/${segment(poolName)}`, signal) };
}

/** A refusal is part of the answer. That the login is gone, or the server away, is not: it is thrown. */
async function answerOf(path: string, signal: AbortSignal, root: "api/v2" | "downloader" = "api/v2"): Promise<Json | Error> {
  try {
    return asObject(await ask(path, { signal, root }));
  } catch (error) {
    if (error instanceof ApiError && (error.status === 403 || error.status === 404)) return error;
    throw error;
  }
}

/** `seen`: what the plugin has found, by the names of the things. */
export function readinessOf(dagId: string, known: Known, seen: Json | Error): Readiness {
  const checks = [dagCheck(known.dag), poolCheck(known), ...seenChecks(seen)];
  const worst = Math.max(...checks.map(({ state }) => STATES.indexOf(state)));
  const name = known.dag instanceof Error ? "" : asText(known.dag.dag_display_name);
  return { dagId, dagName: name || dagId, state: STATES[worst] ?? UNSEEN, checks };
}

function dagCheck(dag: Json | Error): Check {
  const name = "DAG";
  if (dag instanceof ApiError && dag.status === 404) {
    const sentence = "Airflow does not know this DAG; see the import errors on Airflow's first page, or wait until its file is read";
    return { name, state: "problem", sentence };
  }
  if (dag instanceof Error) return { name, state: UNSEEN, sentence: "you may not see this DAG" };
  if (dag.has_import_errors === true) {
    return { name, state: "problem", sentence: "its file has an import error; Airflow's first page shows it" };
  }
  if (dag.is_stale === true) {
    return { name, state: "problem", sentence: "its file is gone from the folder of DAGs; put it back" };
  }
  if (dag.is_paused === true) {
    return { name, state: "problem", sentence: "it is paused, so its runs wait for ever; unpause it on its page" };
  }
  return { name, state: "ready", sentence: "it is not paused" };
}

function poolCheck({ poolName, pool }: Known): Check {
  const name = "Pool";
  if (poolName && pool instanceof ApiError && pool.status === 404) {
    const sentence = `there is no pool ${poolName}, so the tasks wait for ever; run: airflow pools import include/pools.json`;
    return { name, state: "problem", sentence };
  }
  if (pool instanceof Error) {
    return { name, state: UNSEEN, sentence: "you may not see the pools, or the DAG is not there" };
  }
  const slots = asNumber(pool.slots);
  if (slots === 0) {
    return { name, state: "problem", sentence: `${poolName} has no slots, so the tasks wait for ever; give it some (Admin, Pools)` };
  }
  const open = asNumber(pool.open_slots);
  const all = slots === null || slots < 0 ? "no limit of slots" : `${count(slots)} slot${slots === 1 ? "" : "s"}`;
  const taken = open === 0 ? ", all of them taken: a new run waits for one" : "";
  return { name, state: "ready", sentence: `${poolName} has ${all}${taken}` };
}

const NAMES: Record<string, string> = {
  folder: "Folder",
  connection: "Connection",
  catalogue: "Catalogue",
  manifest: "Manifest",
  configuration: "Configuration",
};

function seenChecks(seen: Json | Error): Check[] {
  const found = seen instanceof Error ? [] : Object.entries(seen);
  if (found.length === 0) {
    const sentence = "folder and connection: you may not read the logs of this DAG, which would tell the same";
    return [{ name: "Settings", state: UNSEEN, sentence }];
  }
  return found.map(([name, value]) => {
    const { state, sentence, free } = asObject(value);
    const room = asNumber(free);
    return {
      name: NAMES[name] ?? name,
      state: STATES.find((known) => known === state) ?? UNSEEN,
      sentence: room === null ? asText(sentence) : `${asText(sentence)} (${size(room)} free)`,
    };
  });
}
