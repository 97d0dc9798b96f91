import { useState } from "react";
import { useNavigate } from "react-router-dom";
import { ask, segment } from "../shared/api";
import { duration, moment } from "../shared/format";
import { asObject, asText } from "../shared/json";
import { Badge, Figures, Notice } from "../shared/parts";
import type { Snapshot } from "./load";
import { isAudit, isOver } from "./run";
import { titleOf } from "./title";
import { visible } from "../shared/visible";

/** Which run it is, in which state, and what can be done with it. */
export function Head({ dagId, snapshot, again }: { dagId: string; snapshot: Snapshot; again: () => void }) {
  const { run, outcome } = snapshot;
  const status = outcome?.result?.status;
  const from = Date.parse(run.start);
  const to = isOver(run) ? Date.parse(run.end) : Date.now();
  return (
    <header className="dl-panel">
      <div className="dl-row">
        <h2 className="dl-grow">
          <bdi>{visible(titleOf(dagId, snapshot))}</bdi>
        </h2>
        <Badge state={status ?? run.state} />
      </div>
      <div className="dl-row">
        <div className="dl-grow">
          <Figures
            of={[
              ["Started", moment(run.start) || "not yet"],
              ["Duration", Number.isFinite(to - from) ? duration(Math.max(0, to - from) / 1000) : "–"],
              ...(run.user ? ([["By", <bdi key="by">{visible(run.user)}</bdi>]] as [string, React.ReactNode][]) : []),
              ...(isAudit(run) ? ([["Mode", "audit"]] as [string, string][]) : []),
              ...(run.conf["dry_run"] === true ? ([["Mode", "dry run"]] as [string, string][]) : []),
            ]}
          />
        </div>
        <RunAgain dagId={dagId} conf={run.conf} over={isOver(run)} refresh={again} />
      </div>
    </header>
  );
}

interface RunAgainProps {
  dagId: string;
  conf: Record<string, unknown>;
  over: boolean;
  refresh: () => void;
}

/** Starts another run, once it was shown with which parameters. */
function RunAgain({ dagId, conf, over, refresh }: RunAgainProps) {
  const [asked, setAsked] = useState<Record<string, unknown> | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const navigate = useNavigate();
  const start = async () => {
    setBusy(true);
    setProblem("");
    try {
      const body = { logical_date: null, conf: asked };
      const made = asObject(await ask(`dags/${segment(dagId)}/dagRuns`, { method: "POST", body }));
      setAsked(null);
      navigate(`/dags/${segment(dagId)}/runs/${segment(asText(made["dag_run_id"]))}/plugin/restore`);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <div className="dl-row">
        {over ? (
          <button type="button" className="dl-button" onClick={refresh}>
            Refresh
          </button>
        ) : null}
        {conf["dry_run"] === true ? (
          <button type="button" className="dl-button" onClick={() => setAsked({ ...conf, dry_run: false })}>
            Run it for real
          </button>
        ) : null}
        {conf["audit"] === true ? (
          <button type="button" className="dl-button" onClick={() => setAsked({ ...conf, audit: false })}>
            Run the restore
          </button>
        ) : null}
        <button type="button" className="dl-button" aria-expanded={asked !== null} onClick={() => setAsked(conf)}>
          Run again
        </button>
      </div>
      {asked === null ? null : (
        <div className="dl-confirm" role="group" aria-label="Run again">
          <p>Start another run of {dagId} with these parameters?</p>
          <pre className="dl-mono">{visibleJson(asked)}</pre>
          {problem ? <Notice kind="failed">{problem}</Notice> : null}
          <div className="dl-row">
            <button type="button" className="dl-button dl-main" disabled={busy} onClick={() => void start()}>
              {busy ? "Starting …" : "Start"}
            </button>
            <button type="button" className="dl-button" disabled={busy} onClick={() => setAsked(null)}>
              Cancel
            </button>
          </div>
        </div>
      )}
    </>
  );
}

function visibleJson(conf: Record<string, unknown>): string {
  return JSON.stringify(conf, null, 2).split("\n").map(visible).join("\n");
}
