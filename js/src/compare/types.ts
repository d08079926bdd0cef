/** What the comparison of two traces tells: the mirror of `nbtrace/widgets/diff_messages.py`. */

export type Mark = "same" | "changed" | "added" | "removed";

/** The figures of one of the two traces; null is "not known", never zero. */
export interface SideTotals {
  trace_id: string;
  name: string;
  state: string;
  request_time_ms: number;
  duration_ns: number | null;
  spans: number;
  errors: number;
  tokens: number | null;
  cost: number | null;
}

export interface SideSpan {
  span_id: string;
  duration_ns: number | null;
  tokens: number | null;
  cost: number | null;
  error: boolean;
}

/** A span of both traces or of one; `changes` names what differs. */
export interface DiffLine {
  depth: number;
  name: string;
  kind: string;
  mark: Mark;
  moved: boolean;
  speed: "" | "slower" | "faster";
  changes: string[];
  before: SideSpan | null;
  after: SideSpan | null;
}

export interface DiffData {
  before: SideTotals;
  after: SideTotals;
  lines: DiffLine[];
}

/** Values as JSON text, null where there are none. */
export interface SideValues {
  inputs: string | null;
  outputs: string | null;
  error: string;
  /** Whether the texts are only the starts of longer ones. */
  cut: boolean;
}

export interface DiffValues {
  before: SideValues | null;
  after: SideValues | null;
}
