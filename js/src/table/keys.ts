/** The keyboard of the table. */
import { type Binding, commandIn } from "../page/keys";

export type Command =
  | "next"
  | "previous"
  | "right"
  | "left"
  | "pageDown"
  | "pageUp"
  | "first"
  | "last"
  | "open"
  | "select"
  | "all"
  | "sort"
  | "only"
  | "exclude"
  | "narrower"
  | "wider"
  | "before"
  | "after"
  | "search"
  | "filter"
  | "tag"
  | "delete"
  | "undo"
  | "columns"
  | "charts"
  | "facets"
  | "groups"
  | "refresh"
  | "help"
  | "leave";

export const BINDINGS: readonly Binding<Command>[] = [
  { keys: ["ArrowDown", "j", "n"], command: "next", shown: "↓", meaning: "next trace" },
  { keys: ["ArrowUp", "k", "p"], command: "previous", shown: "↑", meaning: "previous trace" },
  { keys: ["ArrowRight"], command: "right", shown: "→", meaning: "next column" },
  { keys: ["ArrowLeft"], command: "left", shown: "←", meaning: "previous column" },
  { keys: ["PageDown"], command: "pageDown", shown: "PgDn", meaning: "one screen down" },
  { keys: ["PageUp"], command: "pageUp", shown: "PgUp", meaning: "one screen up" },
  { keys: ["Home"], command: "first", shown: "Home", meaning: "first trace" },
  { keys: ["End"], command: "last", shown: "End", meaning: "last trace" },
  { keys: ["Enter"], command: "open", shown: "Enter", meaning: "open or close the trace" },
  {
    keys: [" "],
    command: "select",
    shown: "Space",
    meaning: "select; with Shift from the last one on",
  },
  { keys: ["a"], command: "all", shown: "a", meaning: "select all, or none" },
  { keys: ["s"], command: "sort", shown: "s", meaning: "sort by the column" },
  { keys: ["f"], command: "only", shown: "f", meaning: "only traces with the cell's value" },
  { keys: ["x"], command: "exclude", shown: "x", meaning: "leave out the cell's value" },
  { keys: ["["], command: "narrower", shown: "[", meaning: "narrower column" },
  { keys: ["]"], command: "wider", shown: "]", meaning: "wider column" },
  { keys: ["<"], command: "before", shown: "<", meaning: "move the column left" },
  { keys: [">"], command: "after", shown: ">", meaning: "move the column right" },
  { keys: ["/"], command: "search", shown: "/", meaning: "search text" },
  { keys: ["+"], command: "filter", shown: "+", meaning: "add a filter" },
  { keys: ["t"], command: "tag", shown: "t", meaning: "tag the selected traces" },
  { keys: ["Delete"], command: "delete", shown: "Del", meaning: "delete the selected traces" },
  { keys: ["u"], command: "undo", shown: "u", meaning: "undo the last change" },
  { keys: ["c"], command: "columns", shown: "c", meaning: "choose columns" },
  { keys: ["g"], command: "charts", shown: "g", meaning: "show or hide the charts" },
  { keys: ["h"], command: "facets", shown: "h", meaning: "show or hide the facets" },
  { keys: ["b"], command: "groups", shown: "b", meaning: "show or hide the groups" },
  { keys: ["r"], command: "refresh", shown: "r", meaning: "search anew" },
  { keys: ["?"], command: "help", shown: "?", meaning: "this help" },
  { keys: ["Escape"], command: "leave", shown: "Esc", meaning: "close, then leave the table" },
];

export const commandOf = commandIn(BINDINGS);
