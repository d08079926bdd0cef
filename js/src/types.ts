/**
 * The messages between kernel and page: the mirror of `nbtrace/widgets/messages.py`.
 *
 * A field that changes there changes here. Columns travel as one buffer, see `columns.ts`.
 */
import type { DiffData, DiffValues } from "./compare/types";
import type { DetailMethods } from "./details/types";
import type { TableMethods } from "./table/messages";

/** What a span is up to; the order is that of `STATES` in messages.py. */
export const STATES = ["open", "done", "ok", "error", "incomplete"] as const;
export type State = (typeof STATES)[number];

/** The figures of the whole trace; null is "not known", never zero. */
export interface Summary {
  trace_id: string;
  name: string;
  state: "IN_PROGRESS" | "OK" | "ERROR" | "STATE_UNSPECIFIED";
  /** Whether the root has ended. */
  finished: boolean;
  /** Whether more spans may come, also after the root's end. */
  live: boolean;
  /** How a trace ended that did not end by itself. */
  note: "" | "interrupted" | "recovered";
  /** Start of the trace in milliseconds since 1970. */
  base_ms: number;
  /** Nanoseconds since `base_ms` when the message was made: "now" for spans that are open. */
  now_ns: number;
  spans: number;
  errors: number;
  tokens: number | null;
  cost: number | null;
  model: string | null;
}

/** The texts of a rows message: dictionary-coded names and kinds, and previews by row number. */
export interface RowTexts {
  names: string[];
  kinds: string[];
  /** `[row, inputs, outputs, error]`, each text short. */
  previews: [number, string, string, string][];
  /** `[row, time, name]`, the time in nanoseconds since the base. */
  events: [number, number, string][];
}

/** Rows that are new or changed. Buffers: columns, JSON of {@link RowTexts}. */
export interface RowsMessage {
  kind: "rows";
  /** Counts the messages of a model; a gap means that this page came late. */
  sequence: number;
  /** Whether this message starts the table anew. */
  reset: boolean;
  /** Whether more messages of the same snapshot follow at once. */
  more: boolean;
  count: number;
  summary: Summary;
}

/** The bundle, gzipped in the only buffer. */
export interface BundleMessage {
  kind: "bundle";
  hash: string;
}

/**
 * An answer; the result is in the only buffer, unless `error` says what went wrong: JSON, or bytes as
 * they are where `binary` says so.
 */
export interface ResponseMessage {
  kind: "response";
  id: string;
  error: string | null;
  binary: boolean;
}

/** A comparison of two traces, JSON of `DiffData` in the only buffer. */
export interface DiffMessage {
  kind: "diff";
}

/** Something that a page has asked for is not what it was. */
export interface ChangedMessage {
  kind: "changed";
  what: "annotations";
}

export type KernelMessage =
  | ChangedMessage
  | DiffMessage
  | RowsMessage
  | BundleMessage
  | ResponseMessage;

/** `have`: stop pushing the bundle. `want`: push it again. `snapshot`: send all rows. */
export type PageMessage =
  | { kind: "have" | "want" | "snapshot" }
  | { kind: "request"; id: string; method: keyof Methods; params: object }
  | { kind: "nested"; key: string; content: object };

/** What a page may ask of the kernel, by method: the mirror of the widgets' `_methods` in Python. */
export interface Methods extends TableMethods, DetailMethods {
  svg: { params: Record<string, never>; result: string };
  previous: { params: Record<string, never>; result: DiffData };
  values: { params: { line: number }; result: DiffValues };
  search: { params: { text: string; regex: boolean }; result: Found };
}

/** Where a searched text is: the first span ids of a total. */
export interface Found {
  span_ids: string[];
  total: number;
}

/** The part of anywidget's model that is used; `Model` of other hosts has it too. */
export interface Model {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
  save_changes(): void;
  send(content: PageMessage): void;
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
}

/** The module's two entry points, the anywidget front-end module. */
export interface WidgetModule {
  default: {
    initialize(context: { model: Model; signal?: AbortSignal }): undefined | (() => void);
    render(context: { model: Model; el: HTMLElement; signal?: AbortSignal }): () => void;
  };
  /** Starts a session with messages that came before the module was there. */
  connect(model: Model, waiting: [KernelMessage, DataView[]][]): () => void;
}
