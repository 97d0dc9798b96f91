import { useMemo } from "react";
import { Chart } from "../shared/Chart";
import { size } from "../shared/format";
import { overTime } from "./figures";
import type { Shard } from "./load";

/** Bytes of all shards over time; nothing where no task left its figures. */
export function BytesOverTime({ shards }: { shards: Shard[] }) {
  const { times, bytes } = useMemo(() => overTime(shards.map((shard) => shard.progress)), [shards]);
  if (times.length < 2) return null;
  return (
    <section className="dl-panel" aria-label="Bytes over time">
      <h3>Bytes over time</h3>
      <Chart
        label={`Bytes over time: ${size(bytes.at(-1) ?? 0)} at the end`}
        times={times}
        series={[{ label: "Bytes", values: bytes }]}
        shown={size}
      />
    </section>
  );
}
