import { useLayoutEffect, useRef, useState } from "react";
import { visible } from "../shared/visible";
import { type Line, pieces } from "./lines";
import { windowOf } from "./windowing";

const ROW = 20;
const MOST_ROWS = 24;

/** Lines of text, of which those that can be seen are drawn: a report may have 100,000. */
export function LineList({ lines, search }: { lines: Line[]; search: string }) {
  const box = useRef<HTMLDivElement>(null);
  const [scrolled, setScrolled] = useState(0);
  const height = Math.min(lines.length, MOST_ROWS) * ROW + 18;
  const { first, last } = windowOf(lines.length, ROW, scrolled, height);
  useLayoutEffect(() => {
    // Other lines: from their beginning.
    if (box.current) box.current.scrollTop = 0;
    setScrolled(0);
  }, [lines]);
  if (!lines.length) return <p className="dl-muted">No line has that.</p>;
  return (
    <div
      ref={box}
      className="dl-lines"
      style={{ height }}
      tabIndex={0}
      role="list"
      aria-label="Lines of the report"
      onScroll={(event) => setScrolled(event.currentTarget.scrollTop)}
    >
      <div style={{ height: first * ROW }} />
      {lines.slice(first, last).map((line, index) => (
        <div
          key={first + index}
          role="listitem"
          aria-setsize={lines.length}
          aria-posinset={first + index + 1}
          className={line.outcome === "failed" ? "dl-line dl-failed" : "dl-line"}
        >
          <Marked text={visible(line.text)} search={search} />
        </div>
      ))}
      <div style={{ height: (lines.length - last) * ROW }} />
    </div>
  );
}

function Marked({ text, search }: { text: string; search: string }) {
  const cut = pieces(text, search);
  if (cut.length === 1) return <>{text || " "}</>;
  return <>{cut.map((piece, index) => (index % 2 ? <mark key={index}>{piece}</mark> : piece))}</>;
}
