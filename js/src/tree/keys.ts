/** The keyboard of the tree. */
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
  | "details"
  | "leave"
  | "nextError"
  | "foldAll"
  | "openAll"
  | "help";

export const BINDINGS: readonly Binding<Command>[] = [
  { keys: ["ArrowDown", "j"], command: "next", shown: "↓", meaning: "next span" },
  { keys: ["ArrowUp", "k"], command: "previous", shown: "↑", meaning: "previous span" },
  { keys: ["ArrowRight"], command: "open", shown: "→", meaning: "unfold, or first child" },
  { keys: ["ArrowLeft"], command: "close", shown: "←", meaning: "fold, or parent" },
  { keys: ["Enter", " "], command: "details", shown: "Enter", meaning: "details" },
  { keys: ["Home"], command: "first", shown: "Home", meaning: "first span" },
  { keys: ["End"], command: "last", shown: "End", meaning: "last span" },
  { keys: ["PageDown"], command: "pageDown", shown: "PgDn", meaning: "one screen down" },
  { keys: ["PageUp"], command: "pageUp", shown: "PgUp", meaning: "one screen up" },
  { keys: ["e"], command: "nextError", shown: "e", meaning: "next error" },
  { keys: ["["], command: "foldAll", shown: "[", meaning: "fold all" },
  { keys: ["]"], command: "openAll", shown: "]", meaning: "unfold all" },
  { keys: ["?"], command: "help", shown: "?", meaning: "this help" },
  {
    keys: ["Escape"],
    command: "leave",
    shown: "Esc",
    meaning: "close details, then leave the tree",
  },
];

export const commandOf = commandIn(BINDINGS);
