/** The keyboard of the tree: the table that its handler, its help and its menus read. */
import { type Binding, commandIn } from "../page/keys";

export type Command = (typeof BINDINGS)[number]["command"];

export const BINDINGS = [
  { keys: ["ArrowDown", "j"], command: "next", shown: "↓", meaning: "next span" },
  { keys: ["ArrowUp", "k"], command: "previous", shown: "↑", meaning: "previous span" },
  { keys: ["ArrowRight"], command: "open", shown: "→", meaning: "unfold, or first child" },
  { keys: ["ArrowLeft"], command: "close", shown: "←", meaning: "fold, or parent" },
  { keys: ["Enter", " "], command: "details", shown: "Enter", meaning: "details of the span" },
  { keys: ["Home"], command: "first", shown: "Home", meaning: "first span" },
  { keys: ["End"], command: "last", shown: "End", meaning: "last span" },
  { keys: ["PageDown"], command: "pageDown", shown: "PgDn", meaning: "one screen down" },
  { keys: ["PageUp"], command: "pageUp", shown: "PgUp", meaning: "one screen up" },
  { keys: ["s"], command: "nextSibling", shown: "s", meaning: "next sibling" },
  { keys: ["S"], command: "previousSibling", shown: "S", meaning: "previous sibling" },
  { keys: ["p"], command: "nextPeer", shown: "p", meaning: "next span of the same name" },
  { keys: ["P"], command: "previousPeer", shown: "P", meaning: "previous span of the same name" },
  { keys: ["/"], command: "search", shown: "/", meaning: "search" },
  { keys: ["n"], command: "nextMatch", shown: "n", meaning: "next match" },
  { keys: ["N"], command: "previousMatch", shown: "N", meaning: "previous match" },
  { keys: ["h"], command: "hide", shown: "h", meaning: "only matches, or all spans" },
  { keys: ["e"], command: "nextError", shown: "e", meaning: "next error" },
  { keys: ["E"], command: "onlyErrors", shown: "E", meaning: "only the paths to errors" },
  { keys: ["["], command: "foldAll", shown: "[", meaning: "fold all" },
  { keys: ["]"], command: "openAll", shown: "]", meaning: "unfold all" },
  {
    keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"],
    command: "level",
    shown: "1–9",
    meaning: "show this many levels",
  },
  { keys: ["f"], command: "focus", shown: "f", meaning: "only this span's subtree" },
  { keys: ["u"], command: "unfocus", shown: "u", meaning: "one level up from the subtree" },
  { keys: ["z"], command: "zoomSpan", shown: "z", meaning: "zoom to the span's time" },
  { keys: ["+", "="], command: "zoomIn", shown: "+", meaning: "zoom in" },
  { keys: ["-"], command: "zoomOut", shown: "-", meaning: "zoom out" },
  { keys: ["0"], command: "zoomReset", shown: "0", meaning: "the whole time" },
  { keys: ["a"], command: "panLeft", shown: "a", meaning: "earlier, when zoomed" },
  { keys: ["d"], command: "panRight", shown: "d", meaning: "later, when zoomed" },
  { keys: ["c"], command: "critical", shown: "c", meaning: "critical path" },
  { keys: ["g"], command: "gaps", shown: "g", meaning: "cut idle gaps short" },
  { keys: ["m"], command: "overview", shown: "m", meaning: "overview strip" },
  { keys: ["t"], command: "self", shown: "t", meaning: "column of self time" },
  { keys: ["$"], command: "sums", shown: "$", meaning: "tokens and cost of subtrees" },
  { keys: ["b"], command: "byName", shown: "b", meaning: "spans by name" },
  { keys: ["w"], command: "flame", shown: "w", meaning: "flame graph" },
  { keys: ["v"], command: "previousRun", shown: "v", meaning: "compare with the run before" },
  { keys: ["r"], command: "replay", shown: "r", meaning: "replay, pause" },
  { keys: ["<"], command: "narrower", shown: "<", meaning: "narrower names" },
  { keys: [">"], command: "wider", shown: ">", meaning: "wider names" },
  { keys: ["?"], command: "help", shown: "?", meaning: "this help" },
  { keys: ["Escape"], command: "leave", shown: "Esc", meaning: "close what is open, then leave" },
] as const satisfies readonly Binding<string>[];

/** Inside the search box letters are letters. */
export const SEARCH_BINDINGS = [
  {
    keys: ["Enter"],
    command: "next",
    shown: "Enter",
    meaning: "next match, or with Shift the one before",
  },
  { keys: ["ArrowDown"], command: "leave", shown: "↓", meaning: "to the spans" },
  { keys: ["Escape"], command: "clear", shown: "Esc", meaning: "search for nothing" },
] as const satisfies readonly Binding<string>[];

export const searchCommandOf = commandIn(SEARCH_BINDINGS);

/** On a bar between two parts, whichever way it moves. */
export const SPLITTER_BINDINGS = [
  { keys: ["ArrowLeft", "ArrowUp"], command: "back", shown: "← ↑", meaning: "move it back" },
  { keys: ["ArrowRight", "ArrowDown"], command: "forth", shown: "→ ↓", meaning: "move it forth" },
] as const satisfies readonly Binding<string>[];

export const splitterCommandOf = commandIn(SPLITTER_BINDINGS);

export const commandOf = commandIn<Command>(BINDINGS);

/** The key of a command, as menus show it. */
export function keyOf(command: Command): string {
  return BINDINGS.find((binding) => binding.command === command)?.shown ?? "";
}
