import { Link } from "react-router-dom";
import { segment } from "../shared/api";
import { count, counted, duration, size } from "../shared/format";
import { Badge, CopyButton, Figures, Notice } from "../shared/parts";
import { DryRun } from "./DryRun";
import { Shares } from "./Shares";
import type { Outcome, Snapshot } from "./load";
import { type FailedFile, type Report, added, advised } from "./result";
import { visible } from "../shared/visible";

interface OutcomeProps {
  dagId: string;
  runId: string;
  snapshot: Snapshot;
  outcome: Outcome;
}

/** What became of the run: what failed comes first. */
export function OutcomeView({ dagId, runId, snapshot, outcome }: OutcomeProps) {
  const { result } = outcome;
  if (result === null) return <NoResult dagId={dagId} runId={runId} snapshot={snapshot} />;
  const written = result.reports.filter((report) => !report.actions.length);
  const failures = result.reports.flatMap((report) => report.failures.map((failure): [Report, FailedFile] => [report, failure]));
  const failed = result.reports.reduce((total, report) => total + report.failed, 0);
  return (
    <>
      {result.problems.map((problem) => (
        <Notice key={problem} kind="failed">
          {visible(problem)}
        </Notice>
      ))}
      {failures.length ? <Failures failures={failures} failed={failed} several={result.reports.length > 1} tried={written.length > 0} /> : null}
      {written.length ? <Counts reports={written} /> : null}
      {result.reports.filter((report) => report.actions.length).map((report) => (
        <DryRun key={report.about} report={report} />
      ))}
      {written.map((report) => (
        <ReportCard key={`${report.about} ${report.path}`} report={report} />
      ))}
    </>
  );
}

/** The task `report` pushed nothing that can be read here. */
function NoResult({ dagId, runId, snapshot }: { dagId: string; runId: string; snapshot: Snapshot }) {
  const state = snapshot.steps.find((task) => task.id === "report")?.state ?? "";
  const ran = state === "success" || state === "failed";
  return (
    <Notice kind="warning">
      {ran
        ? "The task report left no result: it died, it is of an older version of this project, or its XComs were deleted. What it found out stands in its log, and in the report beside the files."
        : `The task report did not run (${state.replaceAll("_", " ") || "it was not scheduled"}): there is no report on this run. Clear that task to have one.`}{" "}
      <Link to={`/dags/${segment(dagId)}/runs/${segment(runId)}/tasks/report`}>See the task report</Link>
    </Notice>
  );
}

interface FailuresProps {
  failures: [Report, FailedFile][];
  failed: number;
  several: boolean;
  /** Whether they were downloaded: not so in a dry run. */
  tried: boolean;
}

function Failures({ failures, failed, several, tried }: FailuresProps) {
  return (
    <section className="dl-panel dl-failures" aria-label="Failures">
      <div className="dl-row">
        <h3 className="dl-grow">{`${counted(failed, "file")} ${tried ? "failed" : "would fail"}`}</h3>
        <CopyButton small text={failures.map(([, failure]) => lineOf(failure)).join("\n")}>
          Copy all
        </CopyButton>
      </div>
      <ul>
        {failures.map(([report, failure], index) => (
          <FailureRow key={`${index} ${failure.name}`} failure={failure} about={several ? report.about : ""} />
        ))}
      </ul>
      {failed > failures.length ? (
        <p className="dl-muted">
          {tried
            ? `${count(failed - failures.length)} more are in the report: filter its text by failed.`
            : `${count(failed - failures.length)} more would fail: filter the listing by failed. It has as many as fit.`}
        </p>
      ) : null}
    </section>
  );
}

function FailureRow({ failure, about }: { failure: FailedFile; about: string }) {
  const [happened, advice] = advised(failure.message);
  return (
    <li>
      <div className="dl-row">
        <strong className="dl-grow dl-mono">
          <bdi>{visible(failure.name)}</bdi>
        </strong>
        {about ? <span className="dl-muted">{visible(about)}</span> : null}
        <CopyButton small text={lineOf(failure)}>
          Copy
        </CopyButton>
      </div>
      <p>
        {failure.kind ? <strong className="dl-kind">{visible(failure.kind)}: </strong> : null}
        {visible(happened)}
      </p>
      {advice ? <p className="dl-advice">What to do: {visible(advice)}</p> : null}
    </li>
  );
}

function lineOf({ name, kind, message }: FailedFile): string {
  return visible(`${name}: ${kind ? `${kind}: ` : ""}${message}`);
}

function Counts({ reports }: { reports: Report[] }) {
  return (
    <div className="dl-grid">
      <Shares title="Outcomes" counts={added(reports.map((report) => report.outcomes))} />
      <Shares title="How sure" counts={added(reports.map((report) => report.assurances))} />
    </div>
  );
}

function ReportCard({ report }: { report: Report }) {
  const figures: [string, string][] = [
    ["Files", count(report.files)],
    ["Successful", count(report.successful)],
    ["Failed", count(report.failed)],
    ["Bytes", size(report.bytes)],
    ...(report.seconds === null ? [] : ([["Duration", duration(report.seconds)]] as [string, string][])),
  ];
  return (
    <section className="dl-panel" aria-label={`Report on ${visible(report.about)}`}>
      <div className="dl-row">
        <h3 className="dl-grow">
          <bdi>{visible(report.about)}</bdi>
        </h3>
        <Badge state={report.status} />
      </div>
      <Figures of={figures} />
      <Place name="Destination" path={report.destination} />
      {report.path ? (
        <Place name="Report" path={report.path} />
      ) : (
        <p className="dl-muted">
          No report was written{report.unwritten ? <bdi>: {visible(report.unwritten)}</bdi> : "."}
        </p>
      )}
    </section>
  );
}

function Place({ name, path }: { name: string; path: string }) {
  if (!path) return null;
  return (
    <div className="dl-row dl-place">
      <span className="dl-muted">{name}</span>
      <span className="dl-grow dl-mono">
        <bdi>{visible(path)}</bdi>
      </span>
      <CopyButton small text={path}>
        Copy path
      </CopyButton>
    </div>
  );
}
