/**
 * What the panel of one span gets: the mirror of `nbtrace/widgets/detail_messages.py`.
 *
 * A field that changes there changes here.
 */

/** A text or the start of one; `next` is where to ask for the rest, null when there is none. */
export interface LongText {
  text: string;
  /** Characters of the whole. */
  size: number;
  place: string;
  next: number | null;
}

/** One attribute with its type's name, and its value as text. */
export interface Attribute {
  key: string;
  type: string;
  value: LongText;
}

export interface EventDetails {
  name: string;
  /** Nanoseconds since the trace's base. */
  time_ns: number;
  attributes: Attribute[];
}

export interface LinkDetails {
  trace_id: string;
  span_id: string;
  attributes: Attribute[];
}

/** One part of a message; `json` says that `text` is the JSON text of a value. */
export interface ChatPart {
  kind: string;
  text: LongText | null;
  json: boolean;
  uri: LongText | null;
  mime_type: string | null;
  name: string | null;
  /** Pairs a tool's result with the call. */
  id: string | null;
}

/** One message of a conversation with a model; `answer` says that it came back. */
export interface ChatMessage {
  role: string;
  name: string | null;
  finish_reason: string | null;
  answer: boolean;
  parts: ChatPart[];
}

export interface ToolDetails {
  name: string;
  description: string;
  /** JSON text of the schema. */
  parameters: LongText | null;
}

export interface DocumentDetails {
  id: string | null;
  score: number | null;
  content: LongText | null;
  /** JSON text. */
  metadata: LongText | null;
}

export interface EmbeddingDetails {
  count: number | null;
  dimensions: number | null;
  texts: LongText[];
  vectors: { dimensions: number; norm: number | null; first: string[] }[];
}

/** Tokens and cost; null is "not known", never zero. */
export interface UsageDetails {
  input: number | null;
  output: number | null;
  total: number | null;
  cached: number | null;
  cache_written: number | null;
  reasoning: number | null;
  cost: number | null;
}

export interface FrameDetails {
  file: string;
  line: number;
  function: string;
  code: string;
  /** False for frames of libraries and of nbtrace. */
  own: boolean;
}

export interface RaisedDetails {
  type: string;
  message: string;
  /** How it led to the one before it in the list. */
  relation: "" | "cause" | "context";
  frames: FrameDetails[];
}

export interface ErrorDetails {
  type: string;
  message: LongText;
  chain: RaisedDetails[];
  stack: LongText | null;
}

/** Everything of one span; inputs and outputs are JSON text, or null where there are none. */
export interface Details {
  span_id: string;
  parent_id: string | null;
  trace_id: string;
  name: string;
  type: string;
  status: string;
  message: LongText;
  convention: string;
  model: string | null;
  provider: string | null;
  finish_reasons: string[];
  usage: UsageDetails;
  inputs: LongText | null;
  outputs: LongText | null;
  messages: ChatMessage[];
  earlier_messages: number;
  tools: ToolDetails[];
  description: string;
  documents: DocumentDetails[];
  documents_before: DocumentDetails[];
  embeddings: EmbeddingDetails | null;
  errors: ErrorDetails[];
  attributes: Attribute[];
  events: EventDetails[];
  links: LinkDetails[];
  scope: string;
  curl: string | null;
}

export interface PreviousMessages {
  span_id: string;
  name: string;
  messages: ChatMessage[];
}

export interface TagDetails {
  key: string;
  value: string;
  fixed: boolean;
}

export interface AssessmentDetails {
  id: string;
  name: string;
  kind: "feedback" | "expectation" | "issue";
  value: string;
  error: string;
  rationale: string;
  source: string;
  source_id: string;
  span_id: string | null;
  time_ms: number;
  valid: boolean;
}

export interface Annotations {
  /** Whether there is anything to change. */
  stored: boolean;
  tags: TagDetails[];
  assessments: AssessmentDetails[];
}

interface Where {
  trace_id: string;
  span_id: string;
}

/** What the panel asks of the kernel: the mirror of `nbtrace/widgets/detail_requests.py`. */
export interface DetailMethods {
  details: { params: { span_id: string }; result: Details };
  value: {
    params: Where & { place: string; offset: number; characters: number };
    result: LongText;
  };
  attachment: {
    params: { trace_id: string; attachment_id: string };
    result: DataView<ArrayBuffer>;
  };
  span_json: { params: Where; result: LongText };
  previous_messages: { params: { span_id: string }; result: PreviousMessages | null };
  linked: { params: Where; result: Details };
  annotations: { params: Record<string, never>; result: Annotations };
  feedback: {
    params: {
      value: boolean;
      rationale: string | null;
      span_id: string | null;
      assessment_id: string | null;
    };
    result: Annotations;
  };
  delete_feedback: { params: { assessment_id: string }; result: Annotations };
  set_tag: { params: { key: string; value: string }; result: Annotations };
  delete_tag: { params: { key: string }; result: Annotations };
}
