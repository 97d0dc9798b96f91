import { count } from "../shared/format";
import { visible } from "../shared/visible";

/** Outcomes and assurances in the order in which they are shown, and their colours; checksums stand before these. */
const COLORS: Record<string, string> = {
  downloaded: "var(--dl-ok)",
  intact: "var(--dl-ok)",
  resumed: "color-mix(in srgb, var(--dl-ok) 50%, var(--dl-info))",
  "self-healed": "var(--dl-warning)",
  skipped: "color-mix(in srgb, var(--dl-muted) 60%, transparent)",
  // What no checksum proved is never green.
  "complete FITS": "color-mix(in srgb, var(--dl-warning) 70%, var(--dl-ok))",
  "complete JPEG": "color-mix(in srgb, var(--dl-warning) 70%, var(--dl-ok))",
  "complete PNG": "color-mix(in srgb, var(--dl-warning) 70%, var(--dl-ok))",
  size: "var(--dl-warning)",
  none: "var(--dl-failed)",
  "": "var(--dl-failed)",
  failed: "var(--dl-failed)",
};
const ORDER = Object.keys(COLORS);

/** A bar of shares, and a legend with their counts. */
export function Shares({ title, counts }: { title: string; counts: [string, number][] }) {
  if (!counts.length) return null;
  const sorted = [...counts].sort(([a, most], [b, more]) => ORDER.indexOf(a) - ORDER.indexOf(b) || more - most);
  const color = (name: string, index: number) =>
    COLORS[name] ?? `color-mix(in srgb, var(--dl-ok) ${Math.max(10, 100 - index * 45)}%, var(--dl-brand))`;
  return (
    <section className="dl-panel" aria-label={title}>
      <h3>{title}</h3>
      <div className="dl-shares" aria-hidden="true">
        {sorted.map(([name, number], index) => (
          <div key={name} style={{ flexGrow: number, background: color(name, index) }} />
        ))}
      </div>
      <ul className="dl-legend">
        {sorted.map(([name, number], index) => (
          <li key={name}>
            <i aria-hidden="true" style={{ background: color(name, index) }} />
            {words(name)} <strong>{count(number)}</strong>
          </li>
        ))}
      </ul>
    </section>
  );
}

function words(name: string): string {
  const known: Record<string, string> = { size: "size only", none: "not verified", "": "not verified" };
  return visible(known[name] ?? name);
}
