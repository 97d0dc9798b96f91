import { memo } from "react";
import { Link } from "react-router-dom";
import { segment } from "../shared/api";
import { count, duration, moment, size } from "../shared/format";
import { Badge } from "../shared/parts";
import { visible } from "../shared/visible";
import { isActive, noteBesides, type Result, type Run, remarks, what } from "./model";

/** A page of runs. On a narrow screen each row is a card. */
export function RunTable(props: {
  runs: Run[];
  results: ReadonlyMap<string, Result>;
  /** By the keys of runs, what they wait for. */
  waits: ReadonlyMap<string, string>;
  now: Date;
}) {
  const { runs, results, waits, now } = props;
  return (
    <div role="table" aria-label="Runs, the newest first" className="dl-runs">
      <div role="rowgroup" className="dl-runs-head">
        <div role="row" className="dl-run">
          {COLUMNS.map((name) => (
            <span key={name} role="columnheader">
              {name}
            </span>
          ))}
        </div>
      </div>
      <div role="rowgroup">
        {runs.map((run) => (
          <Row
            key={run.key}
            run={run}
            result={results.get(run.key)}
            wait={waits.get(run.key) ?? ""}
            now={isActive(run) ? now.getTime() : 0}
          />
        ))}
      </div>
    </div>
  );
}

const COLUMNS = ["What", "State", "Files", "Size", "Took", "Started by", "When", "Run"];

const Row = memo(function Row(props: { run: Run; result: Result | undefined; wait: string; now: number }) {
  const { run, result, wait, now } = props;
  const place = `/dags/${segment(run.dagId)}/runs/${segment(run.runId)}`;
  const name = what(run, result) || "as configured";
  const note = noteBesides(name, run);
  const has = result !== undefined && result.status !== "" && !isActive(run);
  return (
    <div role="row" className="dl-run">
      <span role="cell" className="dl-what">
        <Link to={`${place}/plugin/restore`}>
          <bdi>{name}</bdi>
        </Link>
        <span className="dl-muted">
          {visible(run.dagName)}
          {remarks(run).map((remark) => (
            <span key={remark}> · {remark}</span>
          ))}
          {note && <bdi> · {note}</bdi>}
        </span>
        {run.state === "failed" && result?.problem && <bdi className="dl-why">{visible(result.problem)}</bdi>}
      </span>
      <span role="cell" data-name="State">
        <Badge state={run.state} />
        {wait && <span className="dl-muted"> {wait}</span>}
      </span>
      <span role="cell" data-name="Files" className="dl-number">
        {has ? files(result) : "–"}
      </span>
      <span role="cell" data-name="Size" className="dl-number" title={has && !result.audit ? `${size(result.fetched)} downloaded` : undefined}>
        {has ? size(result.bytes) : "–"}
      </span>
      <span role="cell" data-name="Took" className="dl-number">
        {took(run, now)}
      </span>
      <span role="cell" data-name="Started by" className="dl-who" title={visible(run.who)}>
        <bdi>{visible(run.who)}</bdi>
      </span>
      <span role="cell" data-name="When" className="dl-number">
        <time dateTime={run.due}>{moment(run.due)}</time>
      </span>
      <span role="cell" data-name="Run">
        <Link to={place} aria-label={`Run ${visible(run.runId)}`}>
          open
        </Link>
      </span>
    </div>
  );
});

/** `12`, or `11 of 12` where one failed. */
function files({ files, successful }: Result): string {
  return files === successful ? count(files) : `${count(successful)} of ${count(files)}`;
}

/** How long a run took, or has been under way. */
function took(run: Run, now: number): string {
  if (run.seconds !== null && !isActive(run)) return duration(run.seconds);
  const started = Date.parse(run.started);
  return Number.isNaN(started) || !isActive(run) ? "–" : duration(Math.max(0, (now - started) / 1000));
}
