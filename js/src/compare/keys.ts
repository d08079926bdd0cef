/** The keyboard of the comparison. */
import { type Binding, commandIn } from "../page/keys";

export type Command =
  | "next"
  | "previous"
  | "pageDown"
  | "pageUp"
  | "first"
  | "last"
  | "open"
  | "close"
  | "values"
  | "nextDifference"
  | "all"
  | "leave"
  | "help";

export const BINDINGS: readonly Binding<Command>[] = [
  { keys: ["ArrowDown", "j"], command: "next", shown: "↓", meaning: "next span" },
  { keys: ["ArrowUp", "k"], command: "previous", shown: "↑", meaning: "previous span" },
  { keys: ["ArrowRight"], command: "open", shown: "→", meaning: "unfold, or first child" },
  { keys: ["ArrowLeft"], command: "close", shown: "←", meaning: "fold, or parent" },
  { keys: ["Enter", " "], command: "values", shown: "Enter", meaning: "what differs" },
  { keys: ["n"], command: "nextDifference", shown: "n", meaning: "next difference" },
  { keys: ["d"], command: "all", shown: "d", meaning: "differences only, or all spans" },
  { keys: ["Home"], command: "first", shown: "Home", meaning: "first span" },
  { keys: ["End"], command: "last", shown: "End", meaning: "last span" },
  { keys: ["PageDown"], command: "pageDown", shown: "PgDn", meaning: "one screen down" },
  { keys: ["PageUp"], command: "pageUp", shown: "PgUp", meaning: "one screen up" },
  { keys: ["?"], command: "help", shown: "?", meaning: "this help" },
  { keys: ["Escape"], command: "leave", shown: "Esc", meaning: "close what is open, then leave" },
];

export const commandOf = commandIn(BINDINGS);
