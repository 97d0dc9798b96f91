import { type ReactNode, useEffect, useRef, useState } from "react";
import { ApiError, address } from "./api";
import style from "./style.css";
import { useNarrow } from "./theme";
import { visible } from "./visible";

/**
 * The frame of an app: its style, and all that is in it.
 *
 * `beside`: Airflow shows it beside another panel. On a phone that leaves it no room, so there it lies above the page.
 */
export function Frame({ label, beside = false, children }: { label: string; beside?: boolean; children: ReactNode }) {
  const narrow = useNarrow() && beside;
  const [back, setBack] = useState(false);
  return (
    <section className={narrow && !back ? "dl dl-above" : "dl"} aria-label={label}>
      <style>{style}</style>
      {narrow ? (
        <div>
          <button type="button" className="dl-button dl-small" onClick={() => setBack(!back)}>
            {back ? "Full width" : "Back to Airflow"}
          </button>
        </div>
      ) : null}
      {children}
    </section>
  );
}

/** Colours of the states of runs and tasks, and of the statuses of reports: Airflow's tokens. */
const DOTS: Record<string, string> = {
  success: "success",
  SUCCESS: "success",
  running: "running",
  failed: "failed",
  "COMPLETE FAILURE": "failed",
  "PARTIAL FAILURE": "failed",
  REFUSED: "failed",
  queued: "queued",
  scheduled: "scheduled",
  deferred: "deferred",
  skipped: "skipped",
  removed: "removed",
  restarting: "restarting",
  upstream_failed: "upstream_failed",
  up_for_retry: "up_for_retry",
  up_for_reschedule: "up_for_reschedule",
};

/** The colour of a state or a status. */
export function dot(state: string): string {
  const token = DOTS[state];
  return token === undefined ? "var(--dl-muted)" : `var(--chakra-colors-${token}-solid, var(--dl-muted))`;
}

/** A state or status, with its colour and in words. */
export function Badge({ state, children }: { state: string; children?: ReactNode }) {
  return (
    <span className="dl-badge" style={{ "--dl-dot": dot(state) } as React.CSSProperties}>
      {children ?? visible(state.replaceAll("_", " "))}
    </span>
  );
}

/** How far something is, of 100; `null` where that is not known. */
export function Bar({ percent, label, thin = false }: { percent: number | null; label: string; thin?: boolean }) {
  const known = percent === null ? {} : { "aria-valuenow": percent };
  return (
    <div
      className={thin ? "dl-bar dl-thin" : "dl-bar"}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      {...known}
    >
      <div style={{ width: `${percent ?? 0}%` }} />
    </div>
  );
}

/** Names and values side by side. */
export function Figures({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl className="dl-figures">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A sentence that matters. `kind`: `failed`, `warning`, `info`. Screen readers are told at once. */
export function Notice({ kind, children }: { kind: "failed" | "warning" | "info"; children: ReactNode }) {
  return (
    <div
      className="dl-notice"
      role={kind === "failed" ? "alert" : "status"}
      style={{ "--dl-dot": `var(--dl-${kind})` } as React.CSSProperties}
    >
      {children}
    </div>
  );
}

/** What Airflow's API did not answer, with a way on. `keeps`: what is shown is of before, and it is asked again. */
export function Failure({ error, again, keeps }: { error: Error; again: () => void; keeps: boolean }) {
  const passes = error instanceof ApiError && error.passes;
  const next = encodeURIComponent(location.href);
  return (
    <Notice kind={passes && keeps ? "warning" : "failed"}>
      <div className="dl-row">
        <span className="dl-grow">
          {error.message}
          {passes ? " It is asked again by itself." : ""}
          {keeps ? " What is shown here is of before." : ""}
        </span>
        {error instanceof ApiError && error.status === 401 ? (
          <a className="dl-button dl-small" href={address(`api/v2/auth/login?next=${next}`)}>
            Log in
          </a>
        ) : (
          <button type="button" className="dl-button dl-small" onClick={again}>
            Try again
          </button>
        )}
      </div>
    </Notice>
  );
}

/** Copies a text, and says that it did. */
export function CopyButton({ text, children, small = false }: { text: string; children: string; small?: boolean }) {
  const [done, setDone] = useState("");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    setDone((await copied(text)) ? "Copied" : "Not copied: the browser refused");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setDone(""), 2500);
  };
  return (
    <button type="button" className={small ? "dl-button dl-small" : "dl-button"} onClick={() => void copy()}>
      <span aria-live="polite">{done || children}</span>
    </button>
  );
}

/** Whether `text` is in the clipboard now. Without https a browser has no `navigator.clipboard`. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    document.body.append(area);
    const focused = document.activeElement;
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (focused instanceof HTMLElement) focused.focus();
    return done;
  }
}
