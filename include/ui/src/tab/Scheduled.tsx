import { Link } from "react-router-dom";
import { askIfThere, segment } from "../shared/api";
import { Failure, Notice } from "../shared/parts";
import { usePolled } from "../shared/poll";
import { visible } from "../shared/visible";
import { type Started, startedOf } from "./started";

const SLOW = 5_000;

/** A run of a DAG that `schedules.yaml` makes: it downloads nothing itself, but has started a run that does. */
export function Scheduled({ dagId, runId }: { dagId: string; runId: string }) {
  const path = `dags/${segment(dagId)}/dagRuns/${segment(runId)}/taskInstances/restore/links`;
  const { value, error, again } = usePolled<{ started: Started | null }>(
    path,
    async (signal) => ({ started: startedOf(await askIfThere(path, { signal })) }),
    ({ started }) => (started === null ? SLOW : null),
  );
  if (error) return <Failure error={error} again={again} keeps={false} />;
  if (value === null) return <p className="dl-muted">Reading the run …</p>;
  const { started } = value;
  if (started === null) return <Notice kind="info">This DAG starts a run of another one by its schedule. It has not started it yet.</Notice>;
  return (
    <Notice kind="info">
      This DAG downloads nothing itself. By its schedule it has started the run{" "}
      <Link to={`/dags/${segment(started.dagId)}/runs/${segment(started.runId)}/plugin/restore`}>
        <bdi>{visible(started.runId)}</bdi>
      </Link>{" "}
      of {visible(started.dagId)}, which shows what is restored.
    </Notice>
  );
}
