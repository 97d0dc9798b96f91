import { Link } from "react-router-dom";
import { segment } from "../shared/api";
import { count, counted, duration, size, speed } from "../shared/format";
import { Badge, Bar, Figures, Notice } from "../shared/parts";
import { visible } from "../shared/visible";
import { whole } from "./figures";
import { APPROVE, DOWNLOAD, REPORT, type Pool, type Snapshot, inLine } from "./load";
import { type Task, hasEnded, isAudit, isWaiting, retriesOf } from "./run";
import { sentence, whole as wholeThaw } from "./thaw";

/** How far the run is. */
export function Live({ dagId, runId, snapshot }: { dagId: string; runId: string; snapshot: Snapshot }) {
  const { shards, steps, thaws, pool } = snapshot;
  const thaw = wholeThaw(thaws.flatMap(({ figures }) => figures ?? []));
  const all = whole(shards.map(({ task, progress }) => ({ progress, running: task.state === "running" })));
  const retries = shards.reduce((total, { task }) => total + retriesOf(task), 0);
  const ended = shards.filter(({ task }) => hasEnded(task)).length;
  const waiting = inLine(shards, thaws).length;
  const [before, behind] = [steps.filter(({ id }) => id !== REPORT), steps.filter(({ id }) => id === REPORT)];
  const asks = steps.some(({ id, state }) => id === APPROVE && ASKING.has(state));
  const more = all.all ? "" : "+";
  const figures: [string, string][] = [
    ["Shards", `${count(ended)} of ${count(shards.length)}`],
    ["Files", all.files ? `${count(all.filesDone)} of ${count(all.files)}${more}` : "–"],
    ["Bytes", all.bytesPlanned ? `${size(all.bytesDone)} of ${size(all.bytesPlanned)}${more}` : size(all.bytesDone)],
    ["Speed", speed(all.speed)],
    ["Time left", all.left === null ? "not known yet" : `about ${duration(all.left)}`],
    ["Task retries", count(retries)],
  ];
  return (
    <section className="dl-panel" aria-label="Progress">
      <ol className="dl-steps" aria-label="Tasks">
        {before.map((task) => (
          <Step key={task.id} state={task.state} name={task.name} />
        ))}
        {thaws.length ? (
          <li>
            <Badge state={thaws.every(({ task }) => hasEnded(task)) ? "success" : "up_for_reschedule"}>
              thaw: {count(thaws.filter(({ task }) => hasEnded(task)).length)} of {counted(thaws.length, "shard")} ended
            </Badge>
          </li>
        ) : null}
        {shards.length ? (
          <li>
            <Badge state={shards.some(({ task }) => task.state === "running") ? "running" : "scheduled"}>
              {DOWNLOAD}: {count(ended)} of {counted(shards.length, "shard")} ended
            </Badge>
          </li>
        ) : null}
        {behind.map((task) => (
          <Step key={task.id} state={task.state} name={task.name} />
        ))}
      </ol>
      {shards.length ? (
        <>
          <div className="dl-row">
            <div className="dl-grow">
              <Bar percent={all.percent} label="The whole run" />
            </div>
            <strong className="dl-percent">{all.percent === null ? "" : `${all.percent} %`}</strong>
          </div>
          <Figures of={figures} />
        </>
      ) : asks ? (
        <Notice kind="warning">
          This run waits for a person: nothing is downloaded until it is approved.{" "}
          <Link to={`/dags/${segment(dagId)}/runs/${segment(runId)}/tasks/${APPROVE}/required_actions`}>See what it would do, and approve or reject it</Link>
        </Notice>
      ) : (
        <p className="dl-muted">{stageOf(steps, isAudit(snapshot.run))}</p>
      )}
      {thaw ? <p>{visible(sentence(thaw))}</p> : null}
      {pool && waiting ? <Waiting pool={pool} waiting={waiting} /> : null}
    </section>
  );
}

/** States of the task `approve` in which it waits for an answer. */
const ASKING = new Set(["awaiting_input", "deferred"]);

/** What goes on before there are shards. */
function stageOf(steps: Task[], audit: boolean): string {
  const began = steps.filter((task) => !isWaiting(task));
  if (!began.length) return "The run has not begun yet.";
  return began.every(hasEnded) ? "The next task is about to begin." : `What to ${audit ? "audit" : "download"} is being found out.`;
}

function Waiting({ pool, waiting }: { pool: Pool; waiting: number }) {
  const wait = `${counted(waiting, "shard")} ${waiting === 1 ? "waits" : "wait"}`;
  if (pool.slots === null)
    return (
      <Notice kind="failed">
        {wait}, and for ever: there is no pool {pool.name}. Import it: airflow pools import include/pools.json
      </Notice>
    );
  const { all, used } = pool.slots;
  if (all === 0)
    return (
      <Notice kind="failed">
        {wait}, and for ever: the pool {pool.name} has no slots. Give it some under Admin, Pools.
      </Notice>
    );
  return (
    <p className="dl-muted">
      {wait} for a slot of the pool {pool.name}: {all < 0 ? count(used) : `${count(used)} of ${count(all)}`} in use.
    </p>
  );
}

function Step({ state, name }: { state: string; name: string }) {
  return (
    <li>
      <Badge state={state || "scheduled"}>
        {name}: {(state || "waiting").replaceAll("_", " ")}
      </Badge>
    </li>
  );
}
