/**
 * The critical path: the spans that the end of the trace waited for.
 *
 * From the end backwards: a span waited for whichever of its children finished last; before that
 * child began, for the one that had finished last by then; and so on. What is left between them is
 * the span's own. No recursion, and each span is looked at once.
 */

import type { Layout } from "./layout";
import type { Stretch, Times } from "./times";
import { joined } from "./times";

/** Pieces of the path in the order of the tree, then of time. */
export interface CriticalPath {
  /** Place in the layout's order. */
  place: Uint32Array;
  from: Float64Array;
  to: Float64Array;
}

interface Step {
  /** -1: above all roots. */
  row: number;
  /** The span's start, as far as its parent reaches. */
  start: number;
  /** The span's end, as far as its parent reaches. */
  end: number;
  /** Everything after this is settled. */
  at: number;
  /** The next child to look at, backwards in order of ends. */
  next: number;
}

export function criticalPath(layout: Layout, times: Times): CriticalPath {
  const { children, first, roots } = byEnd(layout, times);
  const pieces: [place: number, from: number, to: number][] = [];
  const { from, to } = times;
  const stack: Step[] = [{ row: -1, start: from, end: to, at: to, next: roots.length - 1 }];
  for (let step = stack.at(-1); step; step = stack.at(-1)) {
    const { row } = step;
    const list = row < 0 ? roots : children;
    const lowest = row < 0 ? 0 : (first[row] ?? 0);
    let found = -1;
    while (found < 0 && step.next >= lowest && step.at > step.start) {
      const child = list[step.next] ?? 0;
      step.next -= 1;
      const start = times.start[child] ?? 0;
      // One that outlives its parent counts up to the parent's end; one that overlaps what is
      // settled ran beside it.
      const end = Math.min(times.end[child] ?? 0, step.end);
      if (end <= step.at && end > step.start && start < step.at) {
        found = child;
      }
    }
    if (found >= 0) {
      const end = Math.min(times.end[found] ?? 0, step.at);
      const start = Math.max(times.start[found] ?? 0, step.start);
      add(pieces, layout, row, end, step.at);
      step.at = start;
      if (end > start) {
        const next = (first[found + 1] ?? 0) - 1;
        stack.push({ row: found, start, end, at: end, next });
      }
    } else {
      add(pieces, layout, row, step.start, step.at);
      stack.pop();
    }
  }
  pieces.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return {
    place: Uint32Array.from(pieces, (piece) => piece[0]),
    from: Float64Array.from(pieces, (piece) => piece[1]),
    to: Float64Array.from(pieces, (piece) => piece[2]),
  };
}

function add(
  pieces: [number, number, number][],
  layout: Layout,
  row: number,
  from: number,
  to: number,
): void {
  if (row >= 0 && to > from) {
    pieces.push([layout.place[row] ?? 0, from, to]);
  }
}

/** Children of each row in order of their ends. */
function byEnd(layout: Layout, times: Times) {
  const order = layout.order
    .slice()
    .sort((a, b) => (times.end[a] ?? 0) - (times.end[b] ?? 0) || b - a);
  const children = new Uint32Array(layout.list.length);
  const roots = new Uint32Array(layout.roots.length);
  const next = layout.first.slice();
  let root = 0;
  for (const row of order) {
    const parent = layout.parent[row] ?? -1;
    if (parent < 0) {
      roots[root++] = row;
    } else {
      const at = next[parent] ?? 0;
      children[at] = row;
      next[parent] = at + 1;
    }
  }
  return { children, first: layout.first, roots };
}

/** The path's stretches on a row; with `folded` those of its whole subtree, made one. */
export function onCriticalPath(
  path: CriticalPath,
  layout: Layout,
  row: number,
  folded: boolean,
): Stretch[] {
  const place = layout.place[row] ?? 0;
  const end = place + (folded ? (layout.size[row] ?? 1) : 1);
  const stretches: Stretch[] = [];
  for (let at = lowerBound(path.place, place); (path.place[at] ?? end) < end; at++) {
    stretches.push([path.from[at] ?? 0, path.to[at] ?? 0]);
  }
  return joined(folded ? stretches.sort((a, b) => a[0] - b[0]) : stretches);
}

function lowerBound(sorted: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
