import { Link } from "react-router-dom";
import { Failure, Frame, Notice } from "../shared/parts";
import { usePolled } from "../shared/poll";
import { BytesOverTime } from "./BytesOverTime";
import { Head } from "./Head";
import { Live } from "./Live";
import { OutcomeView } from "./OutcomeView";
import { ReportView } from "./ReportView";
import { Scheduled } from "./Scheduled";
import { Shards } from "./Shards";
import tabStyle from "./tab.css";
import { type Outcome, type Snapshot, load, pauseAfter } from "./load";
import { DAGS } from "../shared/dags";
import { isAudit, isOver } from "./run";
import { isScheduled } from "./started";

/** The tab Restore. Airflow shows it on the runs of all DAGs. */
export function RestoreTab({ dagId, runId }: { dagId: string; runId: string }) {
  return (
    <Frame label="Restore" beside>
      <style>{tabStyle}</style>
      <Content key={`${dagId} ${runId}`} dagId={dagId} runId={runId} />
    </Frame>
  );
}

function Content({ dagId, runId }: { dagId: string; runId: string }) {
  if (DAGS.some((known) => known === dagId)) return <Restore dagId={dagId} runId={runId} />;
  return isScheduled(dagId) ? <Scheduled dagId={dagId} runId={runId} /> : <NoRestore />;
}

function NoRestore() {
  return (
    <Notice kind="info">
      This DAG downloads nothing by itself. The runs of {DAGS.join(", ")} have something to show here;{" "}
      <Link to="/plugin/restores">Restores</Link> lists them.
    </Notice>
  );
}

function Restore({ dagId, runId }: { dagId: string; runId: string }) {
  const { value, error, again } = usePolled<Snapshot>(
    `${dagId} ${runId}`,
    (signal, before) => load(dagId, runId, signal, before),
    pauseAfter,
  );
  return (
    <>
      {error ? <Failure error={error} again={again} keeps={value !== null} /> : null}
      {value === null && !error ? <p className="dl-muted">Reading the run …</p> : null}
      {value ? <Whole dagId={dagId} runId={runId} snapshot={value} again={again} /> : null}
    </>
  );
}

function Whole({ dagId, runId, snapshot, again }: { dagId: string; runId: string; snapshot: Snapshot; again: () => void }) {
  const over = isOver(snapshot.run);
  return (
    <>
      <Head dagId={dagId} snapshot={snapshot} again={again} />
      {over ? null : <Live dagId={dagId} runId={runId} snapshot={snapshot} />}
      {snapshot.outcome ? <OutcomeView dagId={dagId} runId={runId} snapshot={snapshot} outcome={snapshot.outcome} /> : null}
      <BytesOverTime shards={snapshot.shards} />
      {snapshot.shards.length ? <Shards dagId={dagId} runId={runId} shards={snapshot.shards} over={over} audit={isAudit(snapshot.run)} /> : null}
      {snapshot.outcome?.texts.length ? <ReportView texts={snapshot.outcome.texts} dry={isDry(snapshot.outcome)} /> : null}
    </>
  );
}

function isDry({ result }: Outcome): boolean {
  return result !== null && result.reports.some((report) => report.actions.length > 0);
}
