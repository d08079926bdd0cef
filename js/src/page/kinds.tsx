/**
 * Kinds and states of spans: each has a colour and a shape of its own, so that they differ also for
 * those who do not see the colour. Shapes are drawn in a 16 x 16 box.
 */
import type { JSX } from "preact";
import { STATES, type State } from "../types";

interface Look {
  /** Name of the colour variable in styles.css, `--nbt-<colour>`. */
  colour: string;
  path: string;
}

const CIRCLE = "M8 4.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7z";

const LOOKS: Record<string, Look> = {
  // A cell: a rounded box with a prompt.
  CELL: { colour: "grey", path: "M2.5 3.5h11v9h-11zM5 6l2 2-2 2M8.5 10.5h3" },
  // A speech bubble.
  LLM: { colour: "purple", path: "M2.5 3h11v7.5H8L4.8 13.4V10.5H2.5zM5.5 6h5M5.5 8h3" },
  CHAT_MODEL: { colour: "purple", path: "M2.5 3h11v7.5H8L4.8 13.4V10.5H2.5zM5.5 6h5M5.5 8h3" },
  // Two links of a chain.
  CHAIN: {
    colour: "blue",
    path: "M7 5.5H4.7a2.5 2.5 0 0 0 0 5H7M9 5.5h2.3a2.5 2.5 0 0 1 0 5H9M5.8 8h4.4",
  },
  // A hexagon with a core.
  AGENT: {
    colour: "rose",
    path: "M8 2l5.2 3v6L8 14l-5.2-3V5zM8 6.3a1.7 1.7 0 1 0 0 3.4a1.7 1.7 0 1 0 0-3.4z",
  },
  // A wrench.
  TOOL: {
    colour: "amber",
    path: "M13.2 5.2a3.4 3.4 0 0 1-4.6 3.9l-4 4a1.2 1.2 0 0 1-1.7-1.7l4-4a3.4 3.4 0 0 1 3.9-4.6L8.8 4.8l.4 2 2 .4z",
  },
  // A magnifying glass.
  RETRIEVER: { colour: "teal", path: "M7 3a4 4 0 1 0 0 8a4 4 0 1 0 0-8zM10 10l3.5 3.5" },
  // A grid of points.
  EMBEDDING: {
    colour: "cyan",
    path: "M3 3h2v2H3zM7 3h2v2H7zM11 3h2v2h-2zM3 7h2v2H3zM7 7h2v2H7zM11 7h2v2h-2zM3 11h2v2H3zM7 11h2v2H7zM11 11h2v2h-2z",
  },
  // Bars in order.
  RERANKER: { colour: "cyan", path: "M3 4h10M3 8h7M3 12h4" },
  // Braces.
  PARSER: {
    colour: "olive",
    path: "M6.5 3C4.5 3 5.5 7 3 8c2.5 1 1.5 5 3.5 5M9.5 3c2 0 1 4 3.5 5-2.5 1-1.5 5-3.5 5",
  },
  // A stack of discs.
  MEMORY: {
    colour: "olive",
    path: "M3 4.5c0-2 10-2 10 0s-10 2-10 0v7c0 2 10 2 10 0v-7M3 8c0 2 10 2 10 0",
  },
  // A shield.
  GUARDRAIL: {
    colour: "green",
    path: "M8 2l5 2v4c0 3-2 5-5 6-3-1-5-3-5-6V4zM6 8l1.5 1.5L10.3 6.6",
  },
  // A scale of marks.
  EVALUATOR: { colour: "green", path: "M3 13V9M6.3 13V6M9.7 13V8M13 13V3" },
  // A branching way.
  WORKFLOW: {
    colour: "blue",
    path: "M2.5 6.5h3v3h-3zM10.5 2.5h3v3h-3zM10.5 10.5h3v3h-3zM5.5 8H8M8 4v8M8 4h2.5M8 12h2.5",
  },
  // A ticked box.
  TASK: { colour: "blue", path: "M3 3h10v10H3zM5.5 8l2 2 3.2-4" },
  UNKNOWN: { colour: "grey", path: CIRCLE },
};

/** The colour variable of a kind, for its bar. */
export function kindColour(kind: string): string {
  return `var(--nbt-${LOOKS[kind]?.colour ?? "grey"})`;
}

/** A kind as people read it. */
export function kindName(kind: string): string {
  return kind === "LLM" ? kind : kind.toLowerCase().replaceAll("_", " ");
}

export function KindIcon({ kind }: { kind: string }): JSX.Element {
  const path = LOOKS[kind]?.path ?? CIRCLE;
  return (
    <svg
      class="nbt-kind"
      viewBox="0 0 16 16"
      style={{ color: kindColour(kind) }}
      aria-hidden="true"
    >
      <path d={path} />
    </svg>
  );
}

const STATE_LOOKS: Record<State, { words: string; path: string }> = {
  open: { words: "running", path: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5" },
  done: { words: "done", path: "" },
  ok: { words: "OK", path: "" },
  error: {
    words: "error",
    path: "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12zM5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6",
  },
  incomplete: { words: "incomplete", path: "M8 2.2L14 13H2zM8 6.5v3M8 11v.4" },
};

/** The state of a row by its number. */
export function stateOf(value: number | undefined): State {
  return STATES[value ?? 1] ?? "done";
}

/** A state as people read it. */
export function stateWords(state: State): string {
  return STATE_LOOKS[state].words;
}

/** The mark of a state; success has none, so that what is wrong stands out. */
export function StateIcon({ state }: { state: State }): JSX.Element | null {
  const { words, path } = STATE_LOOKS[state];
  return path === "" ? null : (
    <svg class={`nbt-state nbt-state-${state}`} viewBox="0 0 16 16" role="img" aria-label={words}>
      <title>{words}</title>
      <path d={path} />
    </svg>
  );
}
