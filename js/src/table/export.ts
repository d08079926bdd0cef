/** Saving traces as a file of the browser's, piece by piece. */

import { download } from "../page/download";
import type { Chosen } from "./chosen";
import { selectionOf } from "./chosen";
import type { TableSession } from "./session";

/** What an export is up to; `stop` ends it without a file. */
export interface Export {
  rows: number;
  stopped: boolean;
}

/** Fetch all pieces and hand the file to the browser. */
export async function save(
  session: TableSession,
  form: "csv" | "json",
  chosen: Chosen,
  state: Export,
  changed: () => void,
): Promise<void> {
  const parts: string[] = [];
  const selection = selectionOf(chosen);
  let offset: number | null = 0;
  while (offset !== null) {
    const piece: { text: string; rows: number; next: number | null } | null = await session.ask(
      "export",
      { form, selection, offset, written: state.rows },
    );
    if (piece === null || state.stopped) {
      return;
    }
    parts.push(piece.text);
    state.rows += piece.rows;
    offset = piece.next;
    changed();
  }
  const type = form === "csv" ? "text/csv" : "application/json";
  download(new Blob(parts, { type }), `traces.${form}`);
}
