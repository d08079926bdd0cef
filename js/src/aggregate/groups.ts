/** The spans of a trace by name and kind: how many, how long, what they used. */
import type { Analysis } from "../tree/analysis";
import { ERROR, type Rows } from "../tree/columns";

export interface Group {
  name: string;
  kind: string;
  count: number;
  /** Nanoseconds of all its spans, nested ones counted each. */
  total: number;
  /** Nanoseconds in which no child ran. */
  self: number;
  p50: number;
  p95: number;
  longest: number;
  errors: number;
  /** NaN where no span of it tells. */
  tokens: number;
  cost: number;
  /** The span that took longest. */
  row: number;
}

export type SortKey = Exclude<keyof Group, "kind" | "row">;

/** The value at a share of a sorted list, by the nearest rank. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const place = Math.ceil(share * sorted.length) - 1;
  return sorted[Math.max(0, Math.min(place, sorted.length - 1))] ?? Number.NaN;
}

function plus(sum: number, value: number | undefined): number {
  const known = value ?? Number.NaN;
  return Number.isNaN(known) ? sum : Number.isNaN(sum) ? known : sum + known;
}

/** One group for each name and kind, the one that took most time of its own first. */
export function byName(rows: Rows, analysis: Analysis): Group[] {
  const members = new Map<string, number[]>();
  for (const row of analysis.layout.order) {
    const key = `${rows.kinds[row] ?? ""}\u0000${rows.names[row] ?? ""}`;
    const list = members.get(key);
    if (list) {
      list.push(row);
    } else {
      members.set(key, [row]);
    }
  }
  const { times, self } = analysis;
  const took = (row: number): number => (times.end[row] ?? 0) - (times.start[row] ?? 0);
  return [...members.values()]
    .map((list) => {
      const durations = Float64Array.from(list, took).sort();
      const longest = durations.at(-1) ?? 0;
      const first = list[0] ?? 0;
      return {
        name: rows.names[first] ?? "",
        kind: rows.kinds[first] ?? "UNKNOWN",
        count: list.length,
        total: durations.reduce((sum, value) => sum + value, 0),
        self: list.reduce((sum, row) => sum + (self[row] ?? 0), 0),
        p50: quantile(durations, 0.5),
        p95: quantile(durations, 0.95),
        longest,
        errors: list.reduce((sum, row) => sum + (rows.state[row] === ERROR ? 1 : 0), 0),
        tokens: list.reduce((sum, row) => plus(sum, rows.tokens[row]), Number.NaN),
        cost: list.reduce((sum, row) => plus(sum, rows.cost[row]), Number.NaN),
        row: list.find((row) => took(row) === longest) ?? first,
      };
    })
    .sort((a, b) => b.self - a.self);
}

/** The groups in another order; what is not known comes last. */
export function sorted(groups: readonly Group[], key: SortKey, descending: boolean): Group[] {
  const sign = descending ? -1 : 1;
  return [...groups].sort((a, b) => {
    const [left, right] = [a[key], b[key]];
    if (typeof left === "string" || typeof right === "string") {
      return sign * String(left).localeCompare(String(right));
    }
    if (Number.isNaN(left) || Number.isNaN(right)) {
      return Number(Number.isNaN(left)) - Number(Number.isNaN(right));
    }
    return sign * (left - right) || b.self - a.self;
  });
}
