/**
 * From rows to the lines of a tree: pure functions over arrays, no recursion (traces may nest
 * thousands deep) and no assumption about the data (parents may be missing or form a cycle).
 *
 * A layout lists the rows in the order of the fully open tree, so that a subtree is a range and
 * folding is skipping. It is made once for each version of the rows; lines follow from it in one
 * pass.
 */
import { ABSENT } from "./columns";

/** The columns that the shape of the tree depends on. */
export interface Shape {
  length: number;
  parent: ArrayLike<number>;
  start: ArrayLike<number>;
  state: ArrayLike<number>;
}

/** The tree, fully open. Columns are by row number unless they say otherwise. */
export interface Layout {
  /** Parents as drawn: -1 for roots, for unknown parents and where a cycle was cut. */
  parent: Int32Array;
  /** Children in order of start: `list[first[row] .. first[row + 1])`. */
  first: Uint32Array;
  list: Uint32Array;
  roots: Uint32Array;
  /** Rows from top to bottom. */
  order: Uint32Array;
  /** Place of a row in `order`, -1 for rows that have not arrived. */
  place: Int32Array;
  /** Rows of the subtree, the row itself counted. */
  size: Uint32Array;
  depth: Uint32Array;
  /** Place among its siblings, from 1. */
  position: Uint32Array;
  /** Rows in order of start. */
  byStart: Uint32Array;
}

/** Traces larger than this open folded, so that the first screen says something. */
export const OPEN_ALL_UP_TO = 500;
/** Depth down to which a large trace is open: the root and its children are seen. */
export const OPEN_DEPTH = 1;

/** Rows in order of start; rows that have not arrived are left out. */
function ordered(shape: Shape): Uint32Array {
  const rows = new Uint32Array(shape.length);
  let count = 0;
  let sorted = true;
  let previous = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < shape.length; row++) {
    if (shape.state[row] !== ABSENT) {
      const start = shape.start[row] ?? 0;
      sorted &&= start >= previous;
      previous = start;
      rows[count++] = row;
    }
  }
  const present = rows.subarray(0, count);
  // Spans mostly arrive in order, and sorting 100,000 takes 50 ms.
  return sorted
    ? present
    : present.sort((a, b) => (shape.start[a] ?? 0) - (shape.start[b] ?? 0) || a - b);
}

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
export function layoutOf(shape: Shape): Layout {
  const { length } = shape;
  const parent = drawnParents(shape);
  const byStart = ordered(shape);
  const first = new Uint32Array(length + 1);
  let rootCount = 0;
  for (const row of byStart) {
    const above = parent[row] ?? -1;
    if (above < 0) {
      rootCount += 1;
    } else {
      first[above + 1] = (first[above + 1] ?? 0) + 1;
    }
  }
  for (let row = 0; row < length; row++) {
    first[row + 1] = (first[row + 1] ?? 0) + (first[row] ?? 0);
  }
  const roots = new Uint32Array(rootCount);
  const list = new Uint32Array(byStart.length - rootCount);
  const position = new Uint32Array(length);
  const next = first.slice();
  let root = 0;
  for (const row of byStart) {
    const above = parent[row] ?? -1;
    if (above < 0) {
      roots[root++] = row;
      position[row] = root;
    } else {
      const at = next[above] ?? 0;
      list[at] = row;
      next[above] = at + 1;
      position[row] = at + 1 - (first[above] ?? 0);
    }
  }
  const order = new Uint32Array(byStart.length);
  const place = new Int32Array(length).fill(-1);
  const depth = new Uint32Array(length);
  const waiting = Array.from(roots).reverse();
  let count = 0;
  for (let row = waiting.pop(); row !== undefined; row = waiting.pop()) {
    place[row] = count;
    order[count++] = row;
    const below = (depth[row] ?? 0) + 1;
    for (let at = (first[row + 1] ?? 0) - 1; at >= (first[row] ?? 0); at--) {
      const child = list[at] ?? 0;
      depth[child] = below;
      waiting.push(child);
    }
  }
  const size = new Uint32Array(length).fill(1);
  for (let at = order.length - 1; at >= 0; at--) {
    const row = order[at] ?? 0;
    const above = parent[row] ?? -1;
    if (above >= 0) {
      size[above] = (size[above] ?? 0) + (size[row] ?? 0);
    }
  }
  return { parent, first, list, roots, order, place, size, depth, position, byStart };
}

/** Number of children of a row. */
export function childCount(layout: Layout, row: number): number {
  return (layout.first[row + 1] ?? 0) - (layout.first[row] ?? 0);
}

/** Number of siblings of a row, itself counted. */
export function siblingCount(layout: Layout, row: number): number {
  const parent = layout.parent[row] ?? -1;
  return parent < 0 ? layout.roots.length : childCount(layout, parent);
}

/** What is folded: a depth that is open by default, and the rows that differ from it. */
export interface Folds {
  depth: number;
  toggled: ReadonlySet<number>;
}

/** Whether a row shows its children; `depth` counts from what is drawn as root. */
export function isOpen(folds: Folds, row: number, depth: number): boolean {
  return depth < folds.depth !== folds.toggled.has(row);
}

/** What is drawn of a layout. */
export interface Shown {
  folds: Folds;
  /** The row that is drawn as root, -1 for all. */
  root: number;
  /** Rows to draw, 0 for those left out; null for all. Whoever is drawn has drawn ancestors. */
  kept: Uint8Array | null;
  /** Rows that start later are not there yet (replay). */
  until: number;
}

/** The rows to draw, top to bottom. */
export function linesOf(layout: Layout, start: ArrayLike<number>, shown: Shown): Uint32Array {
  const { order, place, size, depth } = layout;
  const { folds, root, kept, until } = shown;
  const rooted = root >= 0 && (place[root] ?? -1) >= 0;
  const from = rooted ? (place[root] ?? 0) : 0;
  const to = rooted ? from + (size[root] ?? 1) : order.length;
  const base = rooted ? (depth[root] ?? 0) : 0;
  const lines = new Uint32Array(to - from);
  let count = 0;
  for (let at = from; at < to; ) {
    const row = order[at] ?? 0;
    const hidden = (kept !== null && kept[row] === 0) || !((start[row] ?? 0) <= until);
    if (!hidden) {
      lines[count++] = row;
    }
    at += !hidden && isOpen(folds, row, (depth[row] ?? 0) - base) ? 1 : (size[row] ?? 1);
  }
  return lines.subarray(0, count);
}

/** The rows above a row, nearest first. */
export function ancestors(layout: Pick<Layout, "parent">, row: number): number[] {
  const above: number[] = [];
  for (let at = layout.parent[row] ?? -1; at >= 0; at = layout.parent[at] ?? -1) {
    above.push(at);
  }
  return above;
}

/** Folds that differ from others only in that a row can be seen. */
export function revealed(layout: Layout, folds: Folds, root: number, row: number): Folds {
  const base = root >= 0 ? (layout.depth[root] ?? 0) : 0;
  const toggled = new Set(folds.toggled);
  for (const above of ancestors(layout, row)) {
    const depth = (layout.depth[above] ?? 0) - base;
    if (depth >= 0 && !isOpen({ depth: folds.depth, toggled }, above, depth)) {
      if (!toggled.delete(above)) {
        toggled.add(above);
      }
    }
  }
  return { depth: folds.depth, toggled };
}

/** How many of some rows, which are in the order of the tree, stand above a place. */
export function countAbove(layout: Layout, rows: Uint32Array, place: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((layout.place[rows[middle] ?? 0] ?? 0) < place) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** Where a row is among rows that are in the order of the tree, -1 when it is none of them. */
export function placeAmong(layout: Layout, rows: Uint32Array, row: number): number {
  const at = countAbove(layout, rows, layout.place[row] ?? -1);
  return rows[at] === row ? at : -1;
}

/** Whether a row lies in the subtree of another. */
export function isBelow(layout: Layout, row: number, root: number): boolean {
  const distance = (layout.place[row] ?? -1) - (layout.place[root] ?? 0);
  return distance >= 0 && distance < (layout.size[root] ?? 0);
}
