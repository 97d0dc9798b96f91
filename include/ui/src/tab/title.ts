/** What a run is called. */

import { asText } from "../shared/json";
import type { Snapshot } from "./load";
import { isAudit } from "./run";

const NAMING = ["raw_file_id", "project_id", "bucket", "manifest", "select"];

/** What the run is on: as its one report has it, its note, or its parameters. Of an audit it says that it is one. */
export function titleOf(dagId: string, { run, outcome }: Pick<Snapshot, "run" | "outcome">): string {
  const reports = outcome?.result?.reports ?? [];
  const note = run.note.split("\n", 1)[0] ?? "";
  const named = NAMING.map((key) => asText(run.conf[key])).find(Boolean);
  const about = reports.length === 1 ? reports[0]?.about : "";
  const title = about || note || named || dagId;
  return isAudit(run) && (about || !note.startsWith("audit ")) ? `Audit of ${title}` : title;
}
