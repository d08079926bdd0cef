/**
 * Times of spans as they are drawn and reckoned with: a span that is open ends now, one that ends
 * before it starts takes no time.
 */
import { ABSENT } from "./columns";
import type { Layout } from "./layout";

/** The columns that times come from. */
export interface Clock {
  length: number;
  start: ArrayLike<number>;
  end: ArrayLike<number>;
  state: ArrayLike<number>;
}

export interface Times {
  start: Float64Array;
  end: Float64Array;
  /** First start and last end; late spans may lie outside the root. */
  from: number;
  to: number;
  /** How many spans have not ended. */
  open: number;
}

/** A stretch of time. */
export type Stretch = readonly [from: number, to: number];

export function timesOf(rows: Clock, now: number): Times {
  const start = new Float64Array(rows.length);
  const end = new Float64Array(rows.length);
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  let open = 0;
  for (let row = 0; row < rows.length; row++) {
    if (rows.state[row] === ABSENT) {
      continue;
    }
    const begin = finite(rows.start[row], 0);
    const stored = rows.end[row] ?? Number.NaN;
    open += Number.isNaN(stored) ? 1 : 0;
    const last = Math.max(begin, finite(stored, now));
    start[row] = begin;
    end[row] = last;
    from = Math.min(from, begin);
    to = Math.max(to, last);
  }
  return from <= to ? { start, end, from, to, open } : { start, end, from: 0, to: 0, open };
}

function finite(value: number | undefined, otherwise: number): number {
  return value !== undefined && Number.isFinite(value) ? value : otherwise;
}

/** Time of each row in which none of its children ran. */
export function selfTimes(layout: Layout, times: Times): Float64Array {
  const self = new Float64Array(times.start.length);
  for (const row of layout.order) {
    let own = 0;
    forEachOwn(layout, times, row, (from, to) => {
      own += to - from;
    });
    self[row] = own;
  }
  return self;
}

/** The stretches of a row in which none of its children ran. */
export function ownStretches(layout: Layout, times: Times, row: number): Stretch[] {
  const stretches: Stretch[] = [];
  forEachOwn(layout, times, row, (from, to) => stretches.push([from, to]));
  return stretches;
}

function forEachOwn(
  layout: Layout,
  times: Times,
  row: number,
  take: (from: number, to: number) => void,
): void {
  const end = times.end[row] ?? 0;
  let at = times.start[row] ?? 0;
  // Children are in order of start.
  for (let index = layout.first[row] ?? 0; index < (layout.first[row + 1] ?? 0); index++) {
    const child = layout.list[index] ?? 0;
    const from = Math.min(times.start[child] ?? 0, end);
    if (from > at) {
      take(at, from);
    }
    at = Math.max(at, Math.min(times.end[child] ?? 0, end));
  }
  if (end > at) {
    take(at, end);
  }
}

/** When any span without children ran, in a subtree or (row -1) the whole trace. */
export function busyStretches(layout: Layout, times: Times, row = -1): Stretch[] {
  const first = row < 0 ? 0 : (layout.place[row] ?? 0);
  const last = row < 0 ? layout.order.length : first + (layout.size[row] ?? 1);
  const leaves: number[] = [];
  let sorted = true;
  let previous = Number.NEGATIVE_INFINITY;
  for (let at = first; at < last; at++) {
    const leaf = layout.order[at] ?? 0;
    if (layout.size[leaf] === 1) {
      const start = times.start[leaf] ?? 0;
      sorted &&= start >= previous;
      previous = start;
      leaves.push(leaf);
    }
  }
  if (!sorted) {
    leaves.sort((a, b) => (times.start[a] ?? 0) - (times.start[b] ?? 0));
  }
  return joined(leaves.map((leaf) => [times.start[leaf] ?? 0, times.end[leaf] ?? 0] as const));
}

/** Stretches that touch or lie closer than `distance` made one; they come in order of start. */
export function joined(stretches: readonly Stretch[], distance = 0): Stretch[] {
  const whole: [number, number][] = [];
  for (const [from, to] of stretches) {
    const last = whole.at(-1);
    if (last && from <= last[1] + distance) {
      last[1] = Math.max(last[1], to);
    } else {
      whole.push([from, to]);
    }
  }
  return whole;
}

/** What is seen of stretches between two moments, those closer than `distance` made one. */
export function between(
  stretches: readonly Stretch[],
  from: number,
  to: number,
  distance: number,
): Stretch[] {
  let low = 0;
  let high = stretches.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((stretches[middle]?.[1] ?? 0) < from) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const pieces: [number, number][] = [];
  for (let at = low; at < stretches.length; at++) {
    const [start, end] = stretches[at] ?? [to + 1, to + 1];
    const last = pieces.at(-1);
    if (start > to) {
      break;
    }
    if (last && start <= last[1] + distance) {
      last[1] = Math.max(last[1], end);
    } else {
      pieces.push([start, end]);
    }
  }
  return pieces;
}
