/**
 * The messages between kernel and page: the mirror of `nbtrace/widgets/messages.py`.
 *
 * A field that changes there changes here. Columns travel as one buffer, see `columns.ts`.
 */

/** What a span is up to; the order is that of `STATES` in messages.py. */
export const STATES = ["open", "done", "ok", "error", "incomplete"] as const;
export type State = (typeof STATES)[number];

/** The figures of the whole trace; null is "not known", never zero. */
export interface Summary {
  trace_id: string;
  name: string;
  state: "IN_PROGRESS" | "OK" | "ERROR" | "STATE_UNSPECIFIED";
  finished: boolean;
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

/** An answer; the result is JSON in the only buffer, unless `error` says what went wrong. */
export interface ResponseMessage {
  kind: "response";
  id: string;
  error: string | null;
}

export type KernelMessage = RowsMessage | BundleMessage | ResponseMessage;

/** `have`: stop pushing the bundle. `want`: push it again. `snapshot`: send all rows. */
export type PageMessage =
  | { kind: "have" | "want" | "snapshot" }
  | { kind: "request"; id: string; method: keyof Methods; params: object };

/** What a page may ask of the kernel, by method: the mirror of the widgets' `_methods` in Python. */
export interface Methods {
  details: { params: { span_id: string }; result: Details };
}

/** One attribute with its type's name, and its value as text. */
export interface Attribute {
  key: string;
  type: string;
  text: string;
}

export interface EventDetails {
  name: string;
  /** Nanoseconds since the trace's base. */
  time_ns: number;
  attributes: Attribute[];
}

/** One message of a conversation with a model. */
export interface ChatMessage {
  role: string;
  text: string;
}

/** Everything of one span; inputs and outputs are JSON text, or null where there are none. */
export interface Details {
  span_id: string;
  parent_id: string | null;
  trace_id: string;
  name: string;
  type: string;
  status: string;
  message: string;
  inputs: string | null;
  outputs: string | null;
  messages: ChatMessage[];
  attributes: Attribute[];
  events: EventDetails[];
  links: { trace_id: string; span_id: string }[];
  scope: string;
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
