import { useRef, useState } from "react";
import { Link } from "react-router-dom";
import { segment } from "../shared/api";
import { Badge, Failure, Notice } from "../shared/parts";
import { usePolled } from "../shared/poll";
import { visible } from "../shared/visible";
import { loadReadiness, type Readiness, type State } from "./ready";

const WORDS: Record<State, string> = { ready: "ready", late: "looking", unseen: "not seen from here", absent: "not set up", problem: "problem" };
const DOTS: Record<State, string> = { ready: "success", late: "queued", unseen: "up_for_retry", absent: "none", problem: "failed" };
const SOON = 3_000;
const SELDOM = 60_000;
/** For five seconds the API server hands out what it has seen. */
const FRESH = 5_500;

/** Whether a run of each DAG would start, and find what it needs. Open where something is wrong. */
export function ReadyPanel() {
  const asked = useRef(-Infinity);
  const polled = usePolled("ready", loadReadiness, (found) => {
    if (found.some(({ state }) => state === "late")) return SOON;
    return performance.now() - asked.current < FRESH ? FRESH : SELDOM;
  });
  /** At once, and once more when the API server has looked again. */
  const lookAgain = () => {
    asked.current = performance.now();
    polled.again();
  };
  const [chosen, choose] = useKept("downloader.ready");
  const found = polled.value;
  const open = chosen ?? found?.some(({ state }) => state === "problem") ?? false;
  return (
    <section className="dl-panel" aria-labelledby="dl-ready">
      <div className="dl-row">
        <h3 id="dl-ready">Ready?</h3>
        <ul className="dl-row dl-grow dl-plain" aria-live="polite">
          {found?.map((each) => (
            <li key={each.dagId}>
              <Badge state={DOTS[each.state]}>
                {visible(each.dagName)}: {WORDS[each.state]}
              </Badge>
            </li>
          )) ?? <li className="dl-muted">{polled.error === null ? "Looking ..." : "Unknown"}</li>}
        </ul>
        <button
          type="button"
          className="dl-button dl-small"
          aria-expanded={open}
          aria-controls="dl-ready-details"
          onClick={() => choose(!open)}
          disabled={found === null}
        >
          {open ? "Hide details" : "Show details"}
        </button>
      </div>
      {polled.error !== null && <Failure error={polled.error} again={polled.again} keeps={found !== null} />}
      <div id="dl-ready-details" hidden={!open}>
        {found !== null && open && <Details of={found} again={lookAgain} />}
      </div>
    </section>
  );
}

/** Whether the visitor wants something to be open; kept in the browser. Null where they chose nothing. */
function useKept(key: string): [boolean | null, (open: boolean) => void] {
  const [open, setOpen] = useState(() => {
    const kept = storage()?.getItem(key);
    return kept === "open" ? true : kept === "closed" ? false : null;
  });
  const keep = (wanted: boolean) => {
    setOpen(wanted);
    storage()?.setItem(key, wanted ? "open" : "closed");
  };
  return [open, keep];
}

/** Null where the browser refuses to keep anything. */
function storage(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

function Details({ of: found, again }: { of: Readiness[]; again: () => void }) {
  return (
    <div className="dl-stack">
      <div className="dl-dags">
        {found.map((each) => (
          <section key={each.dagId} className="dl-ready" aria-label={visible(each.dagName)}>
            <h4>
              <Link to={`/dags/${segment(each.dagId)}`}>{visible(each.dagName)}</Link>
            </h4>
            <dl>
              {each.checks.map(({ name, state, sentence }) => (
                <div key={name} className={`dl-check dl-${state}`}>
                  <dt>
                    <Badge state={DOTS[state]}>{name}</Badge>
                    <span className="dl-hidden">: {WORDS[state]}</span>
                  </dt>
                  <dd>{sentence.split("\n").map(visible).join("\n")}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <div className="dl-row">
        <p className="dl-muted dl-grow">
          Folders, connections and files are looked at on the machine of Airflow's API server. What is not seen from there
          may be there for the workers.
        </p>
        <button type="button" className="dl-button dl-small" onClick={again}>
          Look again
        </button>
      </div>
      {found.some(({ state }) => state === "problem") && (
        <Notice kind="failed">What is marked as a problem makes a run fail, or wait for ever.</Notice>
      )}
    </div>
  );
}
