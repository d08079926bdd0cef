/** Histograms: what a brush over bars means, and how bars are drawn. */
import type { HistogramFigure } from "./messages";
import { type Pill, quoted } from "./pills";

/** A measure that a histogram may show; `field` is the search's name of it. */
export interface Measure {
  figure: string;
  field: string;
  title: string;
  whole: boolean;
}

export const MEASURES: readonly Measure[] = [
  { figure: "request_time", field: "start_time", title: "Time", whole: true },
  { figure: "duration", field: "duration_ms", title: "Duration", whole: true },
  { figure: "tokens", field: "tokens", title: "Tokens", whole: true },
  { figure: "cost", field: "cost", title: "Cost", whole: false },
];

/** The bar under a position from 0 to 1. */
export function barAt(position: number, bars: number): number {
  return Math.max(0, Math.min(bars - 1, Math.floor(position * bars)));
}

/** The values from one bar to another, whichever comes first; the ends are included. */
export function brushed(
  figure: HistogramFigure,
  one: number,
  other: number,
  whole: boolean,
): [number, number] | null {
  const from = Math.min(one, other);
  const to = Math.max(one, other);
  const low = figure.edges[from];
  const high = figure.edges[to + 1];
  if (low === undefined || high === undefined) {
    return null;
  }
  if (!whole) {
    return [low, high];
  }
  // An edge belongs to the bar on its right, but for the last one.
  const end = to === figure.counts.length - 1 ? Math.floor(high) : Math.ceil(high) - 1;
  const start = Math.ceil(low);
  return [start, Math.max(start, end)];
}

/** The condition for a range of a measure. */
export function rangePill(measure: Measure, [low, high]: [number, number]): Pill {
  const show = (value: number): string =>
    measure.field === "start_time" ? quoted(new Date(value).toISOString()) : String(value);
  const value = `${show(low)} AND ${show(high)}`;
  return {
    text: `${measure.field} BETWEEN ${value}`,
    parts: { field: measure.field, operator: "BETWEEN", value },
  };
}

/** An SVG path of all bars, each 1 wide in a box 100 high; a bar that counts anything is seen. */
export function barPath(counts: readonly number[]): string {
  const most = Math.max(1, ...counts);
  return counts
    .map((count, index) => {
      const height = count === 0 ? 0 : Math.max(3, (count / most) * 100);
      return height === 0 ? "" : `M${index + 0.08} 100v-${height.toFixed(1)}h.84V100z`;
    })
    .join("");
}
