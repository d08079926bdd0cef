/**
 * From rows to the lines of a tree: pure functions over arrays, no recursion (traces may nest
 * thousands deep) and no assumption about the data (parents may be missing or form a cycle).
 */
import { ABSENT } from "./columns";

/** The columns that the shape of the tree depends on. */
export interface Shape {
  length: number;
  parent: ArrayLike<number>;
  start: ArrayLike<number>;
  state: ArrayLike<number>;
}

/** Children of each row, ordered by start: `list[first[row] .. first[row + 1])`. */
export interface Children {
  first: Uint32Array;
  list: Uint32Array;
  roots: number[];
}

/** One line on the screen. */
export interface Line {
  row: number;
  depth: number;
  children: number;
  open: boolean;
  /** Place among its siblings, from 1, and how many they are. */
  position: number;
  siblings: number;
}

/** Traces larger than this open folded, so that the first screen says something. */
export const OPEN_ALL_UP_TO = 500;
/** Depth down to which a large trace is open: the root and its children are seen. */
export const OPEN_DEPTH = 1;

/** Rows in order of start; rows that have not arrived are left out. */
function ordered(shape: Shape): number[] {
  const rows: number[] = [];
  let sorted = true;
  let previous = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < shape.length; row++) {
    if (shape.state[row] !== ABSENT) {
      const start = shape.start[row] ?? 0;
      sorted &&= start >= previous;
      previous = start;
      rows.push(row);
    }
  }
  // Spans mostly arrive in order, and sorting 100,000 takes 50 ms.
  return sorted
    ? rows
    : rows.sort((a, b) => (shape.start[a] ?? 0) - (shape.start[b] ?? 0) || a - b);
}

/** The parent to draw under: -1 for roots, for unknown parents and to break a cycle. */
function drawnParents(shape: Shape): Int32Array {
  const parents = new Int32Array(shape.length).fill(-1);
  // 0 = not seen, otherwise the number of the walk that saw the row.
  const seen = new Uint32Array(shape.length);
  for (let row = 0; row < shape.length; row++) {
    let at = row;
    while (seen[at] === 0) {
      seen[at] = row + 1;
      const parent = shape.parent[at] ?? -1;
      const known = parent >= 0 && parent < shape.length && shape.state[parent] !== ABSENT;
      if (!known || seen[parent] === row + 1) {
        break;
      }
      parents[at] = parent;
      at = parent;
    }
  }
  return parents;
}

/** Order the rows under their parents. */
export function childrenOf(shape: Shape): Children {
  const parents = drawnParents(shape);
  const order = ordered(shape);
  const first = new Uint32Array(shape.length + 1);
  const roots: number[] = [];
  for (const row of order) {
    const parent = parents[row] ?? -1;
    if (parent < 0) {
      roots.push(row);
    } else {
      first[parent + 1] = (first[parent + 1] ?? 0) + 1;
    }
  }
  for (let row = 0; row < shape.length; row++) {
    first[row + 1] = (first[row + 1] ?? 0) + (first[row] ?? 0);
  }
  const next = first.slice();
  const list = new Uint32Array(order.length - roots.length);
  for (const row of order) {
    const parent = parents[row] ?? -1;
    if (parent >= 0) {
      const place = next[parent] ?? 0;
      list[place] = row;
      next[parent] = place + 1;
    }
  }
  return { first, list, roots };
}

/** Number of children of a row. */
export function childCount(children: Children, row: number): number {
  return (children.first[row + 1] ?? 0) - (children.first[row] ?? 0);
}

/** What is folded: a depth that is open by default, and the rows that differ from it. */
export interface Folds {
  depth: number;
  toggled: ReadonlySet<number>;
}

/** Whether a row shows its children. */
export function isOpen(folds: Folds, row: number, depth: number): boolean {
  return depth < folds.depth !== folds.toggled.has(row);
}

/** The lines to draw, top to bottom. */
export function flatten(children: Children, folds: Folds): Line[] {
  const lines: Line[] = [];
  const stack: Line[] = [];
  const push = (rows: ArrayLike<number>, from: number, to: number, depth: number): void => {
    for (let index = to - 1; index >= from; index--) {
      const row = rows[index] ?? 0;
      const count = childCount(children, row);
      stack.push({
        row,
        depth,
        children: count,
        open: count > 0 && isOpen(folds, row, depth),
        position: index - from + 1,
        siblings: to - from,
      });
    }
  };
  push(children.roots, 0, children.roots.length, 0);
  for (let line = stack.pop(); line; line = stack.pop()) {
    lines.push(line);
    if (line.open) {
      const { row, depth } = line;
      push(children.list, children.first[row] ?? 0, children.first[row + 1] ?? 0, depth + 1);
    }
  }
  return lines;
}

/** The rows above a row, nearest first. */
export function ancestors(shape: Shape, row: number): number[] {
  const above: number[] = [];
  const seen = new Set([row]);
  for (let at = shape.parent[row] ?? -1; at >= 0 && !seen.has(at); at = shape.parent[at] ?? -1) {
    seen.add(at);
    above.push(at);
  }
  return above;
}
