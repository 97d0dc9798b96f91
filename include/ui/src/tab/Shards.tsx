import { useState } from "react";
import { Link } from "react-router-dom";
import { segment } from "../shared/api";
import { count, counted, duration, size, speed } from "../shared/format";
import { Badge, Bar } from "../shared/parts";
import { percentOf } from "./figures";
import { DOWNLOAD, type Shard } from "./load";
import type { FileFigures, Progress } from "./run";
import { visible } from "../shared/visible";

const FEW = 12;
/** What a person looks for comes first. */
const ORDER = ["running", "failed", "up_for_retry", "upstream_failed", "restarting", "deferred", "queued", "scheduled"];

export interface ShardsProps {
  dagId: string;
  runId: string;
  shards: Shard[];
  over: boolean;
  /** Whether files are read and not downloaded. */
  audit: boolean;
}

/** Each shard: how far, how fast, which try, and the files that are under way. */
export function Shards({ dagId, runId, shards, over, audit }: ShardsProps) {
  const got = audit ? "read" : "received";
  const [all, setAll] = useState(false);
  const place = ({ task }: Shard) => (ORDER.indexOf(task.state) + 1 || ORDER.length + 1) + task.index / 1e6;
  const sorted = over && all ? shards : [...shards].sort((a, b) => place(a) - place(b));
  const shown = all ? sorted : sorted.slice(0, FEW);
  return (
    <section className="dl-panel" aria-label="Shards">
      <h3>{counted(shards.length, "shard")}</h3>
      <ul className="dl-shards">
        {shown.map((shard) => (
          <ShardRow key={shard.task.index} shard={shard} got={got} to={`/dags/${segment(dagId)}/runs/${segment(runId)}/tasks/${DOWNLOAD}/mapped/${shard.task.index}`} />
        ))}
      </ul>
      {shards.length > FEW ? (
        <div>
          <button type="button" className="dl-button dl-small" aria-expanded={all} onClick={() => setAll(!all)}>
            {all ? "Show the first only" : `Show all ${count(shards.length)}`}
          </button>
        </div>
      ) : null}
    </section>
  );
}

function ShardRow({ shard, got, to }: { shard: Shard; got: string; to: string }) {
  const { task, progress, listing } = shard;
  // Airflow has its label once it runs; until then it is the index.
  const label = /^\d*$/.test(task.label) ? `Shard ${task.index + 1}` : visible(task.label);
  const running = task.state === "running";
  return (
    <li>
      <div className="dl-row">
        <Link className="dl-grow dl-name" to={to}>
          <bdi>{label}</bdi>
        </Link>
        {task.tries > 1 ? <span className="dl-muted">{`try ${task.tries} of ${Math.max(task.tries, task.mostTries)}`}</span> : null}
        <Badge state={task.state || "scheduled"} />
      </div>
      {progress ? <Bar percent={percentOf(progress)} label={label} /> : null}
      {progress ? <p className="dl-muted">{amounts(progress, running, got)}</p> : null}
      {running && !progress ? (
        <p className="dl-muted">{listing.length ? `Being listed: ${listing.map(([name, figure]) => `${name} ${visible(figure)}`).join(", ")}` : "Begins …"}</p>
      ) : null}
      {running && progress?.underWay.length ? (
        <ul className="dl-files" aria-label={`Files under way in ${label}`}>
          {progress.underWay.map((file) => (
            <FileRow key={file.name} file={file} got={got} />
          ))}
        </ul>
      ) : null}
    </li>
  );
}

function FileRow({ file, got }: { file: FileFigures; got: string }) {
  const name = visible(file.name);
  const percent = file.size ? Math.min(100, Math.floor((100 * file.bytes) / file.size)) : null;
  return (
    <li>
      <div className="dl-row">
        <span className="dl-grow dl-mono">
          <bdi>{name}</bdi>
        </span>
        <span className="dl-muted">
          {file.size ? `${size(file.bytes)} of ${size(file.size)}` : size(file.bytes)}, {pace(file.speed, file.left, file.stalled, got)}
        </span>
      </div>
      <Bar thin percent={percent} label={name} />
    </li>
  );
}

function amounts(progress: Progress, running: boolean, got: string): string {
  const files = `${count(progress.filesDone)} of ${counted(progress.files, "file")}`;
  const bytes = progress.bytesPlanned ? `${size(progress.bytesDone)} of ${size(progress.bytesPlanned)}` : size(progress.bytesDone);
  const fetched = running || !progress.bytesFetched ? "" : `, ${size(progress.bytesFetched)} over the network`;
  return `${files}, ${bytes}${running ? `, ${pace(progress.speed, progress.left, progress.stalled, got)}` : fetched}`;
}

/** `got`: `received`, or `read`. */
function pace(bytesASecond: number, left: number | null, stalled: number | null, got: string): string {
  if (stalled !== null) return `nothing ${got} for ${duration(stalled)}`;
  return left === null ? speed(bytesASecond) : `${speed(bytesASecond)}, about ${duration(left)} left`;
}
