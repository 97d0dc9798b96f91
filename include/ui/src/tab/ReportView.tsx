import { useDeferredValue, useMemo, useState } from "react";
import { count, counted } from "../shared/format";
import { CopyButton, Notice } from "../shared/parts";
import { LineList } from "./LineList";
import { countsOf, filtered, linesOf } from "./lines";
import type { ReportText } from "./result";
import { visible } from "../shared/visible";

/** The text of the reports, with search and filter. */
export function ReportView({ texts, dry }: { texts: ReportText[]; dry: boolean }) {
  const [chosen, setChosen] = useState(0);
  const text = texts[chosen] ?? texts[0];
  if (text === undefined) return null;
  const title = dry ? "Listing" : "Text of the report";
  return (
    <section className="dl-panel" aria-label={title}>
      <div className="dl-row">
        <h3 className="dl-grow">{title}</h3>
        {texts.length > 1 ? (
          <label className="dl-choice">
            <span className="dl-hidden">Report</span>
            <select className="dl-input" value={chosen} onChange={(event) => setChosen(Number(event.currentTarget.value))}>
              {texts.map((each, index) => (
                <option key={`${index} ${each.about}`} value={index}>
                  {visible(each.about)}
                </option>
              ))}
            </select>
          </label>
        ) : null}
        {text.path ? (
          <CopyButton small text={text.path}>
            Copy path
          </CopyButton>
        ) : null}
        <button type="button" className="dl-button dl-small" onClick={() => download(text)}>
          Download text
        </button>
      </div>
      {text.leftOut ? (
        <Notice kind="info">
          {dry
            ? `${counted(text.leftOut, "file")} ${text.leftOut === 1 ? "is" : "are"} not listed here. The figures above count all of them.`
            : `${counted(text.leftOut, "line")} are left out here: the whole report is ${visible(text.path) || "in the log"}.`}
        </Notice>
      ) : null}
      <Searched key={chosen} text={text.text} />
    </section>
  );
}

function Searched({ text }: { text: string }) {
  const [outcome, setOutcome] = useState("");
  const [search, setSearch] = useState("");
  const searched = useDeferredValue(search);
  const lines = useMemo(() => linesOf(text), [text]);
  const counts = useMemo(() => countsOf(lines), [lines]);
  const shown = useMemo(() => filtered(lines, outcome, searched), [lines, outcome, searched]);
  return (
    <>
      <div className="dl-row">
        <input
          className="dl-input dl-search"
          type="search"
          placeholder="Search"
          aria-label="Search in the report"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <div className="dl-row" role="group" aria-label="Filter by outcome">
          {counts.map(([name, number]) => (
            <button
              key={name}
              type="button"
              className="dl-button dl-small"
              aria-pressed={outcome === name}
              onClick={() => setOutcome(outcome === name ? "" : name)}
            >
              {name} {count(number)}
            </button>
          ))}
        </div>
        <span className="dl-muted" role="status">
          {shown.length === lines.length ? counted(lines.length, "line") : `${count(shown.length)} of ${counted(lines.length, "line")}`}
        </span>
      </div>
      <LineList lines={shown} search={searched} />
    </>
  );
}

/** Hands the text over as a file. */
function download(text: ReportText): void {
  const link = document.createElement("a");
  const address = URL.createObjectURL(new Blob([text.text], { type: "text/plain;charset=utf-8" }));
  link.href = address;
  link.download = text.path.split(/[\\/]/).pop() || "report.txt";
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
