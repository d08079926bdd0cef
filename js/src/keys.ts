/** The keyboard: one table that the handler and the help both read. */

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

export interface Binding {
  keys: readonly string[];
  command: Command;
  shown: string;
  meaning: string;
}

export const BINDINGS: readonly Binding[] = [
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

const COMMANDS = new Map(
  BINDINGS.flatMap((binding) => binding.keys.map((key) => [key, binding.command] as const)),
);

/** What a key event asks for; nothing while a modifier belongs to the browser or the notebook. */
export function commandOf(
  event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">,
): Command | null {
  return event.ctrlKey || event.metaKey || event.altKey ? null : (COMMANDS.get(event.key) ?? null);
}

/** Saving the notebook is the one thing a person expects to work from inside a widget. */
export function belongsToNotebook(
  event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey">,
): boolean {
  return (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s";
}
