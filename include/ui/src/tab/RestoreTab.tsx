import { Frame } from "../shared/parts";

/** The tab Restore of a run. */
export function RestoreTab({ dagId, runId }: { dagId: string; runId: string }) {
  return <Frame label="Restore">{`${dagId} ${runId}`}</Frame>;
}
