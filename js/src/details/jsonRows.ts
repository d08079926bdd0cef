/** The lines of an opened JSON tree, and the search in it. */
import { type JsonNode, type Member, membersOf, nodeAt, skipSpace, stringEnd } from "./jsonIndex";

/** Children of one value that are listed before somebody asks for more. */
export const CHILDREN_AT_ONCE = 50;
/** Lines that a tree opens by itself. */
const OPEN_LINES = 24;
/** A short value says all in its own line. */
const SHORT = 60;
/** More lines than this a browser lays out too slowly. */
export const MAX_LINES = 5_000;
const MAX_MATCHES = 1_000;

export interface JsonLine {
  /** Places of the members on the way, such as `0.3`; the root's is empty. */
  path: string;
  /** The line of the value it is in, -1 for the root. */
  parent: number;
  depth: number;
  key: string | number | null;
  node: JsonNode;
  open: boolean;
  /** Members that are not listed, on the line that stands for them. */
  more: number;
}

/** What is open, and how many children of a value are listed if more than the first ones. */
export interface JsonFolds {
  open: ReadonlySet<string>;
  limits: ReadonlyMap<string, number>;
}

export function isContainer(node: JsonNode): boolean {
  return node.kind === "object" || node.kind === "array";
}

function child(path: string, place: number): string {
  return path === "" ? String(place) : `${path}.${place}`;
}

/** The lines that are seen. */
export function linesOf(text: string, root: JsonNode, folds: JsonFolds): JsonLine[] {
  const lines: JsonLine[] = [];
  // What is still to be listed, the next one last.
  const stack: Omit<JsonLine, "open">[] = [
    { path: "", parent: -1, depth: 0, key: null, node: root, more: 0 },
  ];
  while (stack.length > 0 && lines.length < MAX_LINES) {
    const next = stack.pop() as Omit<JsonLine, "open">;
    const open = next.more === 0 && isContainer(next.node) && folds.open.has(next.path);
    lines.push({ ...next, open });
    if (!open) {
      continue;
    }
    const parent = lines.length - 1;
    const limit = folds.limits.get(next.path) ?? CHILDREN_AT_ONCE;
    const members = membersOf(text, next.node, limit);
    if (next.node.size > members.length && members.length === limit) {
      const more = next.node.size - members.length;
      stack.push({ ...next, parent, depth: next.depth + 1, key: null, more });
    }
    for (let place = members.length - 1; place >= 0; place--) {
      const { key, node } = members[place] as Member;
      const path = child(next.path, place);
      stack.push({ path, parent, depth: next.depth + 1, key: key ?? place, node, more: 0 });
    }
  }
  return lines;
}

/** Whether a value says all that is in it in one short line. */
export function isShort(text: string, node: JsonNode): boolean {
  if (!isContainer(node)) {
    return true;
  }
  return (
    node.end - node.start <= SHORT &&
    membersOf(text, node, SHORT).every((member) => !isContainer(member.node))
  );
}

/** What is open at first: from the root down as far as it stays a small picture. */
export function openAtFirst(text: string, root: JsonNode, budget = OPEN_LINES): Set<string> {
  const open = new Set<string>();
  if (budget === 0) {
    return open;
  }
  let level: [string, JsonNode][] = [["", root]];
  let lines = 1;
  while (level.length > 0) {
    const next: [string, JsonNode][] = [];
    for (const [path, node] of level) {
      const first = path === "";
      if (!isContainer(node) || node.size === 0 || (!first && isShort(text, node))) {
        continue;
      }
      if (!first && lines + node.size > budget) {
        continue;
      }
      open.add(path);
      lines += Math.min(node.size, CHILDREN_AT_ONCE);
      membersOf(text, node, CHILDREN_AT_ONCE).forEach((member, place) => {
        next.push([child(path, place), member.node]);
      });
    }
    level = next;
  }
  return open;
}

/** Open everything from a value down, within what a browser takes well. */
export function openAll(text: string, root: JsonNode, path = "", most = 1_000): Set<string> {
  const open = new Set<string>();
  const queue: [string, JsonNode][] = [[path, root]];
  let lines = 1;
  for (let at = 0; at < queue.length && lines < most; at++) {
    const [here, node] = queue[at] as [string, JsonNode];
    if (isContainer(node) && node.size > 0) {
      open.add(here);
      lines += Math.min(node.size, CHILDREN_AT_ONCE);
      membersOf(text, node, CHILDREN_AT_ONCE).forEach((member, place) => {
        queue.push([child(here, place), member.node]);
      });
    }
  }
  return open;
}

/** The way to a line as Python writes it: `["messages"][0]["content"]`. */
export function pythonPath(lines: readonly JsonLine[], index: number): string {
  const parts: string[] = [];
  for (let at = index; at > 0; at = lines[at]?.parent ?? 0) {
    const key = lines[at]?.key;
    parts.push(typeof key === "string" ? `[${JSON.stringify(key)}]` : `[${key}]`);
  }
  return parts.reverse().join("");
}

/** Folds with everything above a path open and listed. */
export function revealed(folds: JsonFolds, path: string): JsonFolds {
  const open = new Set(folds.open);
  const limits = new Map(folds.limits);
  const places = path === "" ? [] : path.split(".");
  let here = "";
  for (const place of places) {
    open.add(here);
    const listed = limits.get(here) ?? CHILDREN_AT_ONCE;
    if (Number(place) >= listed) {
      limits.set(here, Number(place) + CHILDREN_AT_ONCE);
    }
    here = child(here, Number(place));
  }
  return { open, limits };
}

/** Paths of the values whose key or own text contains the query, in order of the text. */
export function searchJson(text: string, root: JsonNode, query: string): string[] {
  const wanted = query.toLowerCase();
  const found: string[] = [];
  if (wanted === "") {
    return found;
  }
  // One pass with the way down as a stack: a path is put together only where something is found.
  const way: { object: boolean; place: number }[] = [];
  let at = root.start;
  let keyMatches = false;
  const report = (): void => {
    found.push(way.map((step) => step.place).join("."));
  };
  while (at < root.end && found.length < MAX_MATCHES) {
    const character = text[at];
    if (character === "{" || character === "[") {
      if (keyMatches) {
        report();
      }
      keyMatches = false;
      way.push({ object: character === "{", place: 0 });
      at += 1;
    } else if (character === "}" || character === "]") {
      way.pop();
      at += 1;
    } else if (character === ",") {
      const step = way.at(-1);
      if (step) {
        step.place += 1;
      }
      keyMatches = false;
      at += 1;
    } else if (character === ":" || skipSpace(text, at) > at) {
      at = Math.max(at + 1, skipSpace(text, at));
    } else {
      const end = character === '"' ? stringEnd(text, at) : Math.max(at + 1, nodeAt(text, at).end);
      const contains = containsText(text, at, end, wanted);
      const isKey = way.at(-1)?.object === true && text[skipSpace(text, end)] === ":";
      if (isKey) {
        keyMatches = contains;
      } else {
        if (contains || keyMatches) {
          report();
        }
        keyMatches = false;
      }
      at = end;
    }
  }
  return found;
}

function containsText(text: string, start: number, end: number, wanted: string): boolean {
  const raw = text.slice(start, end);
  if (raw.includes("\\")) {
    try {
      return String(JSON.parse(raw)).toLowerCase().includes(wanted);
    } catch {
      // Not a whole string: as it stands.
    }
  }
  const inner = raw.startsWith('"') ? raw.slice(1, raw.endsWith('"') ? -1 : undefined) : raw;
  return inner.toLowerCase().includes(wanted);
}
