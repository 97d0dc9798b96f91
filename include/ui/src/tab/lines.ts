/** The lines of a report's text: plugins/downloader/report/file_line.py writes them. */

const OK = ": OK - ";
const FAILURE = ": FAILURE - ";
const OUTCOMES: [string, string][] = [
  ["Downloaded", "downloaded"],
  ["Resumed", "resumed"],
  ["Self-healed", "self-healed"],
  ["Skipped", "skipped"],
  ["Intact", "intact"],
];
const ACTION = /^.*: (KEEP|RESUME|HEAL|DOWNLOAD|THAW) - /;

export interface Line {
  text: string;
  /** Of the file that the line is on; "" where it is on none. */
  outcome: string;
}

/** What became of the file that a line is on, or what would; "" for a line of the head or the summary. */
export function outcomeOf(line: string): string {
  const failure = line.indexOf(FAILURE);
  const ok = line.indexOf(OK);
  if (failure >= 0 && (ok < 0 || failure < ok)) return "failed";
  if (ok < 0) return (ACTION.exec(line)?.[1] ?? "").toLowerCase();
  const words = line.slice(ok + OK.length);
  return OUTCOMES.find(([begins]) => words.startsWith(begins))?.[1] ?? "";
}

/** The lines of a report. No name can forge one: breaks are escaped in it. */
export function linesOf(text: string): Line[] {
  const lines = text.replace(/\n$/, "").split("\n");
  const begin = lines.indexOf("Files:");
  const end = lines.lastIndexOf("Summary:");
  return lines.map((line, index) => ({
    text: line,
    outcome: (begin < 0 || index > begin) && (end < 0 || index < end) ? outcomeOf(line) : "",
  }));
}

/** Outcome -> lines, in the order in which they are shown. */
export function countsOf(lines: Line[]): [string, number][] {
  const order = ["failed", "downloaded", "resumed", "self-healed", "skipped", "intact", "download", "resume", "heal", "thaw", "keep"];
  const counts = new Map<string, number>();
  for (const { outcome } of lines) if (outcome) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return order.flatMap((outcome): [string, number][] => {
    const count = counts.get(outcome);
    return count ? [[outcome, count]] : [];
  });
}

/** Those of an outcome ("": of all) that have `search` in them, whatever the case of its letters. */
export function filtered(lines: Line[], outcome: string, search: string): Line[] {
  const wanted = search.trim().toLowerCase();
  if (!outcome && !wanted) return lines;
  return lines.filter(
    (line) => (!outcome || line.outcome === outcome) && (!wanted || line.text.toLowerCase().includes(wanted)),
  );
}

/** `text` cut where `search` is, which is every second piece. */
export function pieces(text: string, search: string): string[] {
  const wanted = search.trim().toLowerCase();
  const lower = text.toLowerCase();
  // Some letters are longer in lower case: their places would be others.
  if (!wanted || lower.length !== text.length) return [text];
  const found: string[] = [];
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    found.push(text.slice(from, at), text.slice(at, at + wanted.length));
    from = at + wanted.length;
  }
  return [...found, text.slice(from)];
}
