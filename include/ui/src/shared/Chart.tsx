import { useEffect, useRef } from "react";
import uPlot from "uplot";
import uplotStyle from "uplot/dist/uPlot.min.css";
import { moment } from "./format";
import { useDark } from "./theme";

export interface ChartProps {
  /** What the chart shows, for those who do not see it. */
  label: string;
  /** Seconds since the epoch, ascending. */
  times: number[];
  series: { label: string; values: (number | null)[]; bars?: boolean; color?: string }[];
  /** How a value is written at the axis and in the legend. */
  shown: (value: number) => string;
  height?: number;
  /** Whether each value is that of a whole day. */
  daily?: boolean;
}

/** A chart over time by uPlot, as wide as its place, in Airflow's colours. */
export function Chart({ label, times, series, shown, height = 180, daily = false }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const dark = useDark();
  const shape = series.map((each) => `${each.label}:${each.bars ?? false}:${each.color ?? ""}`).join("|");
  const data = [times, ...series.map((each) => each.values)] as uPlot.AlignedData;
  const newest = useRef({ data, shown, series });
  newest.current = { data, shown, series };

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const color = colorsOf(element);
    const line = newest.current.series.map((each) => {
      const stroke = each.color ? color(each.color, "#017cee") : color("--chakra-colors-fg-info", "#0369a1");
      return {
        label: each.label,
        stroke,
        width: 2,
        fill: `color-mix(in srgb, ${stroke} ${each.bars ? 60 : 15}%, transparent)`,
        points: { show: false },
        value: (_: uPlot, value: number | null) => (value === null ? "–" : newest.current.shown(value)),
        ...(each.bars ? { paths: uPlot.paths.bars?.({ size: [0.7, 48] }) as uPlot.Series.PathBuilder } : {}),
      };
    });
    const axis = {
      stroke: color("--chakra-colors-fg-muted", "#777"),
      grid: { stroke: color("--chakra-colors-border", "#8884"), width: 1 },
      ticks: { show: false },
      font: `11px ${getComputedStyle(element).fontFamily}`,
      values: clockTimes,
    };
    const made = new uPlot(
      {
        width: Math.max(element.clientWidth, 100),
        height,
        cursor: { drag: { x: false, y: false } },
        legend: { live: true },
        scales: {
          ...(daily ? { x: { range: (_, first, last) => [first - DAY / 2, last + DAY / 2] } } : {}),
          y: { range: (_, __, most) => [0, most > 0 ? most * 1.05 : 1] },
        },
        axes: [
          daily ? { ...axis, size: 32, splits: ({ data, width }) => some(data[0], width), values: (_, ticks) => ticks.map(dayOf) } : axis,
          { ...axis, size: 72, incrs: ROUND, values: (_, ticks) => ticks.map((tick) => newest.current.shown(tick)) },
        ],
        series: [{ value: daily ? "{YYYY}-{MM}-{DD}" : "{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}" }, ...line],
      },
      newest.current.data,
      element,
    );
    chart.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: Math.max(element.clientWidth, 100), height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [shape, dark, height, daily]);

  useEffect(() => chart.current?.setData(data));

  return (
    <figure className="dl-chart" aria-label={label}>
      <style>{uplotStyle}</style>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}

/** `14:05:30`, `14:05`, `11-28`: as exact as the ticks are apart. */
function clockTimes(_: uPlot, ticks: number[], __: number, ___: number, apart: number): string[] {
  const [from, to] = apart < 60 ? [11, 19] : apart < 86_400 ? [11, 16] : [5, 10];
  // Ticks closer than a second would read alike.
  return ticks.map((tick) => (tick % 1 ? "" : moment(new Date(tick * 1000).toISOString()).slice(from, to)));
}

const DAY = 86_400;
const DAY_WIDTH = 64;
/** Steps of an axis of bytes: 1, 2, 5, ... 500 of each unit. */
const ROUND = [0, 1, 2, 3, 4, 5].flatMap((unit) => [1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * 1024 ** unit));

/** As many of the days as have room to be named, the last one among them. */
function some(days: ArrayLike<number>, width: number): number[] {
  const step = Math.max(1, Math.ceil((days.length * DAY_WIDTH) / width));
  return Array.from(days).filter((_, index) => (days.length - 1 - index) % step === 0);
}

/** `11-28`. */
function dayOf(time: number): string {
  return moment(new Date(time * 1000).toISOString()).slice(5, 10);
}

/** Answers the value of a CSS variable as it is here and now: a canvas knows no variables. */
function colorsOf(element: Element): (variable: string, otherwise: string) => string {
  const style = getComputedStyle(element);
  return (variable, otherwise) => style.getPropertyValue(variable).trim() || otherwise;
}
