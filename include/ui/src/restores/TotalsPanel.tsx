import { useMemo } from "react";
import { Chart } from "../shared/Chart";
import { count, counted, moment, size } from "../shared/format";
import { Figures } from "../shared/parts";
import type { Span } from "./filters";
import type { Result } from "./model";
import { daily, rate, totalsOf } from "./totals";

/** What the DAGs have downloaded over a time. `complete`: whether all results are there. */
export function TotalsPanel(props: { results: Result[]; complete: boolean; first: Date | null; now: Date; span: Span; whose: string }) {
  const { results, complete, first, now, span, whose } = props;
  const totals = useMemo(() => totalsOf(results), [results]);
  const days = useMemo(() => daily(results, first, now), [results, first, now]);
  const over = span === 0 ? "since the first run" : `in ${span} days`;
  return (
    <section className="dl-panel" aria-labelledby="dl-totals">
      <div className="dl-row">
        <h3 id="dl-totals" className="dl-grow">
          Totals of {whose} {over}
        </h3>
        {!complete && <span className="dl-muted">still counting ...</span>}
      </div>
      <Figures
        of={[
          ["Runs", `${count(totals.runs)}${totals.failedRuns > 0 ? ` (${count(totals.failedRuns)} failed)` : ""}`],
          ["Files", count(totals.files)],
          ["Files complete", rate(totals)],
          ["Downloaded", size(totals.fetched)],
          ["Last download", moment(totals.last) || "–"],
        ]}
      />
      {totals.fetched > 0 && (
        <Chart
          label={`Bytes downloaded on each day ${over}: ${size(totals.fetched)} on ${counted(days.bytes.filter((bytes) => bytes > 0).length, "day")}`}
          times={days.times}
          series={[{ label: "Downloaded", values: days.bytes.map((bytes) => bytes || null), bars: true }]}
          shown={size}
          height={140}
          daily
        />
      )}
    </section>
  );
}
