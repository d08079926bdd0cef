/** The table's messages: the mirror of `nbtrace/widgets/table_messages.py`. */

/** One trace; null is "not known". Times and durations are in milliseconds. */
export interface TableRow {
  id: string;
  time: number;
  duration: number | null;
  state: "OK" | "ERROR" | "IN_PROGRESS" | "STATE_UNSPECIFIED";
  name: string;
  spans: number;
  errors: number;
  tokens: number | null;
  input_tokens: number | null;
  output_tokens: number | null;
  cost: number | null;
  session: string | null;
  user: string | null;
  request: string;
  response: string;
  tags: Record<string, string>;
  /** Number of the cell's run, and the front end's id of the cell; empty outside of cells. */
  cell: string;
  cell_id: string;
  source: string;
}

/** Which traces: `ids`, or with `all` every trace of the search but `ids`. */
export interface Selection {
  all: boolean;
  ids: string[];
}

export interface FacetFigure {
  values: [string, number][];
  other: number;
  missing: number;
}

export interface HistogramFigure {
  edges: number[];
  counts: number[];
  missing: number;
}

/** What traces with one value have in common; null is "not known". */
export interface Group {
  /** What is shown; empty for the traces without a value. */
  label: string;
  /** The filter of this group alone. */
  filter: string;
  count: number;
  errors: number;
  /** Percentiles of the durations, in milliseconds. */
  p50: number | null;
  p95: number | null;
  tokens: number | null;
  cost: number | null;
}

export interface GroupsFigure {
  groups: Group[];
  /** How many groups there are in all. */
  total: number;
}

export type GroupOrder = keyof Omit<Group, "label" | "filter">;

/** Which groups a page shows. */
export interface GroupsWanted {
  by: string;
  order_by: GroupOrder;
  descending: boolean;
  limit: number;
}

/** Buffers: the first rows as JSON. */
export interface ListingMessage {
  kind: "listing";
  version: number;
  filter: string;
  order_by: string[];
  more: boolean;
  selection: Selection;
}

/** Buffers: `{total}`, or the figure as JSON. */
export interface FigureMessage {
  kind: "figure";
  version: number;
  figure: "total" | "facet" | "histogram" | "groups";
  field: string;
}

/** How far a change of many traces is. */
export interface WorkMessage {
  kind: "work";
  work: "tag" | "untag" | "delete" | "restore";
  done: number;
  total: number;
  finished: boolean;
  undo: boolean;
  error: string | null;
}

export type TableMessage =
  | ListingMessage
  | FigureMessage
  | WorkMessage
  | { kind: "stale"; version: number }
  | { kind: "newer"; version: number; count: number }
  | ({ kind: "selection" } & Selection)
  | { kind: "open"; trace_id: string; place: number | null }
  | { kind: "nested"; key: string; content: { kind: string } };

interface Nothing {
  params: object;
  result: null;
}

/** What a table's page may ask of the kernel. */
export interface TableMethods {
  query: { params: { filter: string; order_by: string[] }; result: null };
  rows: {
    params: { version: number; offset: number; limit: number };
    result: { version: number; offset: number; rows: TableRow[] };
  };
  figures: {
    params: {
      version: number;
      facets: string[];
      histograms: string[];
      groups: GroupsWanted | null;
    };
    result: null;
  };
  select: { params: Selection; result: null };
  range: { params: { version: number; offset: number; limit: number }; result: string[] };
  place: { params: { version: number; trace_id: string }; result: number | null };
  open_trace: {
    params: { key: string; trace_id: string };
    result: { state: Record<string, unknown>; row: TableRow };
  };
  close_trace: { params: { key: string }; result: null };
  tag: {
    params: { selection: Selection; key: string; value: string | null };
    result: TableRow[];
  };
  delete: { params: { selection: Selection }; result: null };
  undo: { params: object; result: TableRow[] };
  cancel: Nothing;
  refresh: Nothing;
  layout: { params: { layout: object }; result: null };
  export: {
    params: { form: "csv" | "json"; selection: Selection; offset: number; written: number };
    result: { text: string; rows: number; next: number | null };
  };
}
