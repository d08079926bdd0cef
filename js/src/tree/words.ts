/** What the tree says of itself in words. */
import type { TreeSession } from "./session";

/** What a screen reader is told of a search or a filter. */
export function said(words: string, at: number, kept: Uint8Array | null, lines: number): string {
  return [words, at > 0 ? `at match ${at}` : "", kept === null ? "" : `${lines} rows shown`]
    .filter(Boolean)
    .join(", ");
}

export function emptyWords(session: TreeSession, filtered: boolean): string {
  if (session.rows.length === 0) {
    return "Waiting for the first span…";
  }
  return filtered ? "No span is like that. Esc or the filter menu shows all again." : "";
}
