/** The columns of the table: what each shows, how it is sorted, and which condition a value makes. */
import type { ComponentChildren } from "preact";
import { count, dateTime, dollars, duration } from "../page/format";
import { StateIcon } from "../page/kinds";
import type { TableRow } from "./messages";
import { condition, type Pill, quoted, tagField } from "./pills";

export interface Column {
  id: string;
  title: string;
  width: number;
  number?: boolean;
  hidden?: boolean;
  /** The search's name of it for sorting; without it the column cannot be sorted. */
  order?: string;
  /** Whether the first click sorts from the largest. */
  descending?: boolean;
  text: (row: TableRow) => string;
  view?: (row: TableRow, filter: (pill: Pill) => void) => ComponentChildren;
  /** The conditions that take or leave what this row has. */
  only?: (row: TableRow, exclude: boolean) => Pill;
  /** What "take" and "leave" are called here. */
  words?: [string, string];
}

const STATES = {
  OK: { state: "ok", words: "ok" },
  ERROR: { state: "error", words: "error" },
  IN_PROGRESS: { state: "open", words: "running" },
  STATE_UNSPECIFIED: { state: "done", words: "" },
} as const;

function equal(field: string, value: string | null, exclude: boolean): Pill {
  return value === null
    ? condition(field, exclude ? "IS NOT NULL" : "IS NULL", "")
    : condition(field, exclude ? "!=" : "=", quoted(value));
}

function bound(field: string, value: number | null, below: boolean): Pill {
  return value === null
    ? condition(field, below ? "IS NOT NULL" : "IS NULL", "")
    : condition(field, below ? "<=" : ">=", String(value));
}

const BOUNDS: [string, string] = ["this or more", "this or less"];

function measure(id: keyof TableRow & string, title: string, field: string, width: number): Column {
  const value = (row: TableRow): number | null => row[id] as number | null;
  return {
    id,
    title,
    width,
    number: true,
    order: field,
    descending: true,
    text: (row) => count(value(row)),
    only: (row, exclude) => bound(field, value(row), exclude),
    words: BOUNDS,
  };
}

export const COLUMNS: readonly Column[] = [
  {
    id: "time",
    title: "Time",
    width: 164,
    order: "timestamp_ms",
    descending: true,
    text: (row) => dateTime(row.time),
    only: (row, exclude) =>
      condition("start_time", exclude ? "<=" : ">=", quoted(new Date(row.time).toISOString())),
    words: ["from here on", "up to here"],
  },
  {
    id: "name",
    title: "Name",
    width: 170,
    order: "name",
    text: (row) => row.name,
    view: (row) => <b>{row.name || "—"}</b>,
    only: (row, exclude) => equal("name", row.name || null, exclude),
  },
  {
    id: "state",
    title: "Status",
    width: 92,
    order: "state",
    text: (row) => STATES[row.state].words,
    view: (row) => (
      <span class={`nbt-status nbt-status-${STATES[row.state].state}`}>
        <StateIcon state={STATES[row.state].state} />
        {STATES[row.state].words}
      </span>
    ),
    only: (row, exclude) => equal("state", row.state, exclude),
  },
  {
    ...measure("duration", "Duration", "duration_ms", 88),
    text: (row) =>
      row.duration === null ? "" : row.duration === 0 ? "< 1 ms" : duration(row.duration * 1e6),
  },
  measure("spans", "Spans", "span_count", 68),
  { ...measure("errors", "Errors", "error_count", 68), hidden: true },
  measure("tokens", "Tokens", "tokens", 78),
  { ...measure("input_tokens", "Tokens in", "input_tokens", 88), hidden: true },
  { ...measure("output_tokens", "Tokens out", "output_tokens", 92), hidden: true },
  { ...measure("cost", "Cost", "cost", 94), text: (row) => dollars(row.cost) },
  {
    id: "session",
    title: "Session",
    width: 120,
    hidden: true,
    order: "session",
    text: (row) => row.session ?? "",
    only: (row, exclude) => equal("session", row.session, exclude),
  },
  {
    id: "user",
    title: "User",
    width: 100,
    hidden: true,
    order: "user",
    text: (row) => row.user ?? "",
    only: (row, exclude) => equal("user", row.user, exclude),
  },
  {
    id: "request",
    title: "Request",
    width: 260,
    order: "request_preview",
    text: (row) => row.request,
  },
  {
    id: "response",
    title: "Response",
    width: 260,
    order: "response_preview",
    text: (row) => row.response,
  },
  {
    id: "tags",
    title: "Tags",
    width: 200,
    text: (row) =>
      Object.entries(row.tags)
        .map(([key, value]) => `${key}: ${value}`)
        .join(", "),
    view: (row, filter) =>
      Object.entries(row.tags).map(([key, value]) => (
        <button
          type="button"
          tabIndex={-1}
          class="nbt-tag"
          key={key}
          title={`Only ${key}: ${value}; with Alt without it`}
          onClick={(event) => {
            event.stopPropagation();
            filter(tagPill(key, value, event.altKey));
          }}
        >
          <i>{key}</i>
          {value}
        </button>
      )),
  },
  {
    id: "cell",
    title: "Cell",
    width: 64,
    hidden: true,
    text: (row) => (row.cell ? `[${row.cell}]` : ""),
    only: (row, exclude) => equal("metadata.`nbtrace.cell.id`", row.cell_id || null, exclude),
  },
  {
    id: "source",
    title: "Source",
    width: 140,
    hidden: true,
    order: "tags.`mlflow.source.name`",
    text: (row) => row.source,
    only: (row, exclude) => equal("tags.`mlflow.source.name`", row.source || null, exclude),
  },
  {
    id: "id",
    title: "Trace id",
    width: 280,
    hidden: true,
    text: (row) => row.id,
    only: (row, exclude) => equal("trace_id", row.id, exclude),
  },
];

export const COLUMN_IDS = COLUMNS.map((column) => column.id);
export const HIDDEN_IDS = COLUMNS.filter((column) => column.hidden).map((column) => column.id);

export function columnOf(id: string): Column | undefined {
  return COLUMNS.find((column) => column.id === id);
}

/** The condition of a tag. */
export function tagPill(key: string, value: string, exclude: boolean): Pill {
  return equal(tagField(key), value, exclude);
}

/** The next order when a column's head is clicked: one way, the other, and back to the newest. */
export function nextOrder(column: Column, current: readonly string[]): string[] {
  const newest = ["timestamp_ms DESC"];
  const first = current[0] ?? "";
  if (!column.order) {
    return [...current];
  }
  const ways = column.descending ? ["DESC", "ASC"] : ["ASC", "DESC"];
  const [one, other] = ways.map((way) => `${column.order} ${way}`);
  return first === one ? [other ?? ""] : first === other ? newest : [one ?? ""];
}

/** Which way a column is sorted now. */
export function sortedBy(
  column: Column,
  current: readonly string[],
): "ascending" | "descending" | null {
  const [field, way] = (current[0] ?? "").split(/\s+(?=\w+$)/);
  if (!column.order || field !== column.order) {
    return null;
  }
  return way?.toUpperCase() === "DESC" ? "descending" : "ascending";
}
