/** Keyboard maps: one table per widget that its handler and its help both read. */

export interface Binding<Command extends string> {
  keys: readonly string[];
  command: Command;
  shown: string;
  meaning: string;
}

type Pressed = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">;

/** What a key event asks for; nothing while a modifier belongs to the browser or the notebook. */
export function commandIn<Command extends string>(
  bindings: readonly Binding<Command>[],
): (event: Pressed) => Command | null {
  const commands = new Map(
    bindings.flatMap((binding) => binding.keys.map((key) => [key, binding.command] as const)),
  );
  return (event) =>
    event.ctrlKey || event.metaKey || event.altKey ? null : (commands.get(event.key) ?? null);
}

/** Saving the notebook is the one thing a person expects to work from inside a widget. */
export function belongsToNotebook(
  event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey">,
): boolean {
  return (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s";
}
