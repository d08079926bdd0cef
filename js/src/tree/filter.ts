/** Which rows a person looks for: by text, kind, state and duration. Pure. */
import { ABSENT, ERROR, INCOMPLETE, OPEN, type Preview } from "./columns";
import type { Layout } from "./layout";
import type { Times } from "./times";

export const STATUSES = ["any", "error", "open", "incomplete"] as const;
export type Status = (typeof STATUSES)[number];

export interface Filter {
  /** Kinds that are left out. */
  without: ReadonlySet<string>;
  status: Status;
  /** Shortest duration in nanoseconds. */
  atLeast: number;
}

export const NO_FILTER: Filter = { without: new Set(), status: "any", atLeast: 0 };

export function isFiltering(filter: Filter): boolean {
  return filter.without.size > 0 || filter.status !== "any" || filter.atLeast > 0;
}

/** The columns that a search looks at. */
export interface Words {
  length: number;
  state: ArrayLike<number>;
  names: readonly (string | undefined)[];
  kinds: readonly (string | undefined)[];
  previews: ReadonlyMap<number, Preview>;
}

/** Where a row was found. */
export const NOWHERE = 0;
export const IN_NAME = 1;
export const IN_VALUES = 2;

/** What a text is looked for with; null where the text is empty or not a regular expression. */
export function matcher(text: string, regex: boolean): RegExp | null {
  if (text === "") {
    return null;
  }
  const source = regex ? text : text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  try {
    return new RegExp(source, "iu");
  } catch {
    return null;
  }
}

/** Which rows pass a filter: 1, else 0. */
export function passing(rows: Words, times: Times, filter: Filter): Uint8Array {
  const pass = new Uint8Array(rows.length);
  const state = { any: -1, error: ERROR, open: OPEN, incomplete: INCOMPLETE }[filter.status];
  for (let row = 0; row < rows.length; row++) {
    pass[row] =
      rows.state[row] !== ABSENT &&
      (state < 0 || rows.state[row] === state) &&
      !filter.without.has(rows.kinds[row] ?? "UNKNOWN") &&
      (times.end[row] ?? 0) - (times.start[row] ?? 0) >= filter.atLeast
        ? 1
        : 0;
  }
  return pass;
}

/** Where each row has the text: in its name, in what is here of its values, or nowhere. */
export function found(rows: Words, pattern: RegExp, inKernel: Iterable<number> = []): Uint8Array {
  const where = new Uint8Array(rows.length);
  // Traces have few different names.
  const names = new Map<string, boolean>();
  for (const row of inKernel) {
    if (row < rows.length) {
      where[row] = IN_VALUES;
    }
  }
  for (const [row, { inputs, outputs, error }] of rows.previews) {
    if (pattern.test(inputs) || pattern.test(outputs) || pattern.test(error)) {
      where[row] = IN_VALUES;
    }
  }
  for (let row = 0; row < rows.length; row++) {
    const name = rows.names[row];
    if (name === undefined) {
      continue;
    }
    let hit = names.get(name);
    if (hit === undefined) {
      hit = pattern.test(name);
      names.set(name, hit);
    }
    if (hit) {
      where[row] = IN_NAME;
    }
  }
  return where;
}

/** Rows found that also pass, in the order of the tree. */
export function matchesIn(
  layout: Layout,
  where: Uint8Array,
  pass: Uint8Array | null,
  root = -1,
): Uint32Array {
  const from = root < 0 ? 0 : (layout.place[root] ?? 0);
  const to = root < 0 ? layout.order.length : from + (layout.size[root] ?? 1);
  return layout.order
    .subarray(from, to)
    .filter((row) => where[row] !== NOWHERE && (pass === null || pass[row] === 1));
}

/** The rows that are kept, with everything above them. */
export function withAncestors(layout: Layout, keep: (row: number) => boolean): Uint8Array {
  const kept = new Uint8Array(layout.place.length);
  for (const row of layout.order) {
    if (keep(row)) {
      for (let at = row; at >= 0 && kept[at] === 0; at = layout.parent[at] ?? -1) {
        kept[at] = 1;
      }
    }
  }
  return kept;
}

const UNITS: Record<string, number> = {
  "": 1e6,
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  min: 60e9,
};

/** `50 ms`, `1.5s`, `2 %` of a total, or a number of milliseconds; null for anything else. */
export function parseDuration(text: string, total: number): number | null {
  const [, digits, unit = ""] = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*([a-zµμ%]*)\s*$/i.exec(text) ?? [];
  if (text.trim() === "") {
    return 0;
  }
  if (digits === undefined) {
    return null;
  }
  const factor = unit === "%" ? total / 100 : UNITS[unit.toLowerCase()];
  return factor === undefined ? null : Number(digits) * factor;
}

/** A text cut where a pattern matches; odd pieces are the matches. */
export function pieces(text: string, pattern: RegExp | null): string[] {
  const match = pattern?.exec(text);
  if (!match || match[0] === "") {
    return [text];
  }
  const end = match.index + match[0].length;
  return [text.slice(0, match.index), match[0], text.slice(end)];
}
