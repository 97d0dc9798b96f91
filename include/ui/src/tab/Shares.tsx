import { count } from "../shared/format";
import { dot } from "../shared/parts";
import { visible } from "./visible";

/** In no scale of sureness but their own: what no checksum proved is never green. */
const WEAK = new Set(["size", "none", ""]);

/** A bar of shares, and a legend with their counts. */
export function Shares({ title, of, counts }: { title: string; of: "outcome" | "assurance"; counts: [string, number][] }) {
  const total = counts.reduce((sum, [, number]) => sum + number, 0);
  if (!total) return null;
  const color = (name: string, index: number) => (of === "outcome" ? dot(name) : assuranceColor(name, index));
  return (
    <section className="dl-panel" aria-label={title}>
      <h3>{title}</h3>
      <div className="dl-shares" aria-hidden="true">
        {counts.map(([name, number], index) => (
          <div key={name} title={`${words(name)}: ${count(number)}`} style={{ flexGrow: number, background: color(name, index) }} />
        ))}
      </div>
      <ul className="dl-legend">
        {counts.map(([name, number], index) => (
          <li key={name}>
            <i aria-hidden="true" style={{ background: color(name, index) }} />
            {words(name)} <strong>{count(number)}</strong>
          </li>
        ))}
      </ul>
    </section>
  );
}

function assuranceColor(name: string, index: number): string {
  if (name === "none" || name === "") return "var(--dl-failed)";
  if (WEAK.has(name) || name.startsWith("complete ")) return "var(--dl-warning)";
  return `color-mix(in srgb, var(--dl-ok) ${100 - (index % 4) * 20}%, var(--dl-brand))`;
}

function words(name: string): string {
  const known: Record<string, string> = { size: "size only", none: "not verified", "": "not verified" };
  return visible(known[name] ?? name);
}
