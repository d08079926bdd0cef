/**
 * A flame graph: spans with the same names above them made one box, as wide as the time that was
 * spent in it and below. Siblings that ran side by side add up, so a box may stand for more time
 * than passed.
 */
import type { Analysis } from "../tree/analysis";
import { ERROR, type Rows } from "../tree/columns";

/** The columns of a tree of boxes; box 0 stands for the whole trace. */
export interface Flame {
  name: string[];
  kind: string[];
  parent: number[];
  depth: number[];
  count: number[];
  errors: number[];
  /** Nanoseconds in it and below. */
  value: number[];
  /** Where it begins, in nanoseconds from the start of box 0. */
  start: number[];
  /** One of its spans: the one that took longest. */
  row: number[];
}

/** Deeper boxes cannot be read; their time is part of the box above them. */
export const MOST_LEVELS = 200;

export function flameOf(rows: Rows, analysis: Analysis): Flame {
  const { layout, times, self } = analysis;
  const flame: Flame = {
    name: [""],
    kind: [""],
    parent: [-1],
    depth: [-1],
    count: [0],
    errors: [0],
    value: [0],
    start: [0],
    row: [-1],
  };
  const boxes: Map<string, number>[] = [new Map()];
  const boxOf = new Int32Array(rows.length);
  const longest: number[] = [0];
  for (const row of layout.order) {
    const above = layout.parent[row] ?? -1;
    const parent = above < 0 ? 0 : (boxOf[above] ?? 0);
    const deep = (flame.depth[parent] ?? 0) + 1 >= MOST_LEVELS;
    const box = deep ? parent : find(flame, boxes, longest, rows, row, parent);
    boxOf[row] = box;
    if (deep) {
      flame.value[box] = (flame.value[box] ?? 0) + (self[row] ?? 0);
      continue;
    }
    flame.count[box] = (flame.count[box] ?? 0) + 1;
    flame.errors[box] = (flame.errors[box] ?? 0) + (rows.state[row] === ERROR ? 1 : 0);
    flame.value[box] = (flame.value[box] ?? 0) + (self[row] ?? 0);
    const took = (times.end[row] ?? 0) - (times.start[row] ?? 0);
    if (took >= (longest[box] ?? 0)) {
      longest[box] = took;
      flame.row[box] = row;
    }
  }
  place(flame);
  return flame;
}

function find(
  flame: Flame,
  boxes: Map<string, number>[],
  longest: number[],
  rows: Rows,
  row: number,
  parent: number,
): number {
  const name = rows.names[row] ?? "";
  const kind = rows.kinds[row] ?? "UNKNOWN";
  const key = `${kind}\u0000${name}`;
  const known = boxes[parent]?.get(key);
  if (known !== undefined) {
    return known;
  }
  const box = flame.name.length;
  boxes[parent]?.set(key, box);
  boxes.push(new Map());
  longest.push(0);
  flame.name.push(name);
  flame.kind.push(kind);
  flame.parent.push(parent);
  flame.depth.push((flame.depth[parent] ?? 0) + 1);
  flame.count.push(0);
  flame.errors.push(0);
  flame.value.push(0);
  flame.start.push(0);
  flame.row.push(row);
  return box;
}

/** Add the time of the boxes below to each box, and set them side by side, the widest first. */
function place(flame: Flame): void {
  const { parent, value, start } = flame;
  const children: number[][] = value.map(() => []);
  // A box comes after the one it stands in.
  for (let box = value.length - 1; box > 0; box--) {
    const above = parent[box] ?? 0;
    value[above] = (value[above] ?? 0) + (value[box] ?? 0);
    children[above]?.push(box);
  }
  for (let box = 0; box < value.length; box++) {
    let at = start[box] ?? 0;
    for (const child of (children[box] ?? []).sort((a, b) => (value[b] ?? 0) - (value[a] ?? 0))) {
      start[child] = at;
      at += value[child] ?? 0;
    }
  }
}

/** A box as drawn, in shares of the width. */
export interface Box {
  box: number;
  left: number;
  width: number;
  depth: number;
}

/** What is seen of the graph when one box fills its width: that box, those above it and below. */
export function visibleBoxes(flame: Flame, focus: number, narrowest: number): Box[] {
  const from = flame.start[focus] ?? 0;
  const whole = flame.value[focus] || 1;
  const shown: Box[] = [];
  for (let box = 1; box < flame.value.length; box++) {
    const left = ((flame.start[box] ?? 0) - from) / whole;
    const right = left + (flame.value[box] ?? 0) / whole;
    const clipped = { left: Math.max(0, left), right: Math.min(1, right) };
    const width = clipped.right - clipped.left;
    if (width >= narrowest) {
      shown.push({ box, left: clipped.left, width, depth: flame.depth[box] ?? 0 });
    }
  }
  return shown;
}
