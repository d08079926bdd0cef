/** The keyboard of a value in the panel: the table that its handler and the tree's help read. */
import { type Binding, commandIn } from "../page/keys";

export type ValueCommand =
  | "next"
  | "previous"
  | "first"
  | "last"
  | "open"
  | "close"
  | "toggle"
  | "openAll"
  | "copyValue"
  | "copyPath"
  | "search";

export const VALUE_BINDINGS: readonly Binding<ValueCommand>[] = [
  { keys: ["ArrowDown", "j"], command: "next", shown: "↓", meaning: "next value" },
  { keys: ["ArrowUp", "k"], command: "previous", shown: "↑", meaning: "previous value" },
  { keys: ["ArrowRight"], command: "open", shown: "→", meaning: "open, or first member" },
  { keys: ["ArrowLeft"], command: "close", shown: "←", meaning: "close, or the value around it" },
  { keys: ["Home"], command: "first", shown: "Home", meaning: "first value" },
  { keys: ["End"], command: "last", shown: "End", meaning: "last value" },
  { keys: ["Enter", " "], command: "toggle", shown: "Enter", meaning: "open or close" },
  { keys: ["*"], command: "openAll", shown: "*", meaning: "open all below" },
  { keys: ["c"], command: "copyValue", shown: "c", meaning: "copy the value" },
  { keys: ["p"], command: "copyPath", shown: "p", meaning: "copy the path" },
  { keys: ["/"], command: "search", shown: "/", meaning: "search in the value" },
];

export const valueCommandOf = commandIn(VALUE_BINDINGS);
