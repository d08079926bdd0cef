/** Which traces are selected: some, or all of a search but some. */
import type { Selection } from "./messages";

export interface Chosen {
  all: boolean;
  /** Those that are in, or with `all` those that are out. */
  ids: ReadonlySet<string>;
}

export const NONE: Chosen = { all: false, ids: new Set() };
export const ALL: Chosen = { all: true, ids: new Set() };

export function isChosen(chosen: Chosen, id: string): boolean {
  return chosen.all !== chosen.ids.has(id);
}

export function toggle(chosen: Chosen, id: string): Chosen {
  const ids = new Set(chosen.ids);
  if (!ids.delete(id)) {
    ids.add(id);
  }
  return { all: chosen.all, ids };
}

/** With these traces in, or out. */
export function including(chosen: Chosen, ids: readonly string[], wanted: boolean): Chosen {
  const kept = new Set(chosen.ids);
  for (const id of ids) {
    if (wanted === chosen.all) {
      kept.delete(id);
    } else {
      kept.add(id);
    }
  }
  return { all: chosen.all, ids: kept };
}

export function chosenOf(selection: Selection): Chosen {
  return { all: selection.all, ids: new Set(selection.ids) };
}

export function selectionOf(chosen: Chosen): Selection {
  return { all: chosen.all, ids: [...chosen.ids] };
}
