import { count, counted, size } from "../shared/format";
import { Notice } from "../shared/parts";
import type { Report } from "./result";
import { visible } from "../shared/visible";

const WORDS: Record<string, string> = {
  keep: "Kept: there already",
  resume: "Resumed: partly there",
  heal: "Healed: there, and wrong",
  download: "Downloaded: not there",
  thaw: "Thawed first, then downloaded",
};

/** What would be done: nothing was fetched, nothing was written. */
export function DryRun({ report }: { report: Report }) {
  const { free, toFetch, unsized, failed } = report;
  return (
    <section className="dl-panel" aria-label={`Dry run of ${visible(report.about)}`}>
      <h3>
        What would be done for <bdi>{visible(report.about)}</bdi>
      </h3>
      <p className="dl-muted">Nothing was fetched and nothing was written. What is there was compared by its size, not by its checksum. Destination: <bdi className="dl-mono">{visible(report.destination)}</bdi></p>
      <table className="dl-table">
        <thead>
          <tr>
            <th scope="col">Files that would be</th>
            <th scope="col">Files</th>
            <th scope="col">Bytes</th>
          </tr>
        </thead>
        <tbody>
          {report.actions.map((action) => (
            <tr key={action.name}>
              <th scope="row">{WORDS[action.name] ?? visible(action.name)}</th>
              <td>{count(action.files)}</td>
              <td>{size(action.bytes)}</td>
            </tr>
          ))}
          {failed ? (
            <tr className="dl-would-fail">
              <th scope="row">Not downloaded: they would fail</th>
              <td>{count(failed)}</td>
              <td />
            </tr>
          ) : null}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">Altogether</th>
            <td>{count(report.files)}</td>
            <td>{size(report.bytes)}</td>
          </tr>
        </tfoot>
      </table>
      {toFetch === null ? null : (
        <p>
          {unsized ? `${size(toFetch)} and ${counted(unsized, "file")} of unknown size` : size(toFetch)} would be fetched. {free === null ? "How much room the disk has is not known." : `The disk has room for ${size(free)}.`}
        </p>
      )}
      {toFetch !== null && free !== null && toFetch > free ? (
        <Notice kind="failed">{`The disk lacks ${size(toFetch - free)}: the run would fail. Make room there, or restore less.`}</Notice>
      ) : null}
    </section>
  );
}
