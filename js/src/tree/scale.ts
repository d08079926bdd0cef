/**
 * The time axis: where a moment is drawn, with idle gaps cut short and a part zoomed in on.
 *
 * Three measures: time in nanoseconds; the axis, which is time without most of each folded gap; and
 * the share of the drawn width, from 0 to 1.
 */
import type { Stretch } from "./times";

/** Part of the time that is not idle, which each folded gap keeps. */
const GAP_SHARE = 0.06;
/** Where next to nothing is busy, a gap still has a width. */
const GAP_KEEPS = 0.002;
/** A gap shorter than this share of the trace is not worth a mark. */
export const GAP_AT_LEAST = 0.05;
/** More marks than this would be what the axis shows. */
export const MOST_GAPS = 50;
/** Zooming in ends here: clocks are no better. */
export const NARROWEST_NS = 100;

/** The gaps between busy stretches that are worth folding, in order of time. */
export function idleGaps(busy: readonly Stretch[], from: number, to: number): Stretch[] {
  const least = (to - from) * GAP_AT_LEAST;
  const gaps: Stretch[] = [];
  let at = from;
  for (const [start, end] of [...busy, [to, to] as const]) {
    if (start - at >= least && start > at) {
      gaps.push([at, start]);
    }
    at = Math.max(at, end);
  }
  return gaps
    .sort((a, b) => b[1] - b[0] - (a[1] - a[0]))
    .slice(0, MOST_GAPS)
    .sort((a, b) => a[0] - b[0]);
}

export interface Axis {
  from: number;
  to: number;
  gaps: readonly Stretch[];
  /** Where gaps begin and end on the axis, two entries a gap; times likewise. */
  marks: Float64Array;
  times: Float64Array;
  length: number;
}

export function axisOf(from: number, to: number, gaps: readonly Stretch[] = []): Axis {
  const idle = gaps.reduce((sum, gap) => sum + gap[1] - gap[0], 0);
  const width = Math.max((to - from - idle) * GAP_SHARE, (to - from) * GAP_KEEPS);
  const marks = new Float64Array(gaps.length * 2);
  const times = new Float64Array(gaps.length * 2);
  let cut = 0;
  gaps.forEach(([start, end], index) => {
    const kept = Math.min(width, end - start);
    times[index * 2] = start;
    times[index * 2 + 1] = end;
    marks[index * 2] = start - from - cut;
    cut += end - start - kept;
    marks[index * 2 + 1] = end - from - cut;
  });
  return { from, to, gaps, marks, times, length: Math.max(to - from - cut, 1) };
}

/** A moment's place on the axis. */
export function toAxis(axis: Axis, time: number): number {
  return along(axis.times, axis.marks, time, axis.from, 0);
}

/** The moment at a place of the axis. */
export function toTime(axis: Axis, place: number): number {
  return along(axis.marks, axis.times, place, 0, axis.from);
}

/** Follow a line of pieces, which has the slope 1 except between two marks of a gap. */
function along(
  from: Float64Array,
  to: Float64Array,
  value: number,
  fromStart: number,
  toStart: number,
): number {
  let low = 0;
  let high = from.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((from[middle] ?? 0) <= value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low === 0) {
    return toStart + value - fromStart;
  }
  const [x, y] = [from[low - 1] ?? 0, to[low - 1] ?? 0];
  if (low % 2 === 0) {
    return y + value - x;
  }
  const [nextX, nextY] = [from[low] ?? 0, to[low] ?? 0];
  return nextX > x ? y + ((value - x) / (nextX - x)) * (nextY - y) : nextY;
}

/** What is drawn of the axis, in places of it; null for all. */
export type Zoom = Stretch | null;

export interface Scale {
  axis: Axis;
  from: number;
  to: number;
}

export function scaleOf(axis: Axis, zoom: Zoom): Scale {
  return { axis, from: zoom?.[0] ?? 0, to: zoom?.[1] ?? axis.length };
}

/** Where a moment is drawn: 0 at the left edge, 1 at the right, beyond them outside. */
export function share(scale: Scale, time: number): number {
  return (toAxis(scale.axis, time) - scale.from) / (scale.to - scale.from);
}

/** The moment that is drawn at a share of the width. */
export function timeAt(scale: Scale, at: number): number {
  return toTime(scale.axis, scale.from + at * (scale.to - scale.from));
}

/** A part of the axis as a zoom: inside, not too narrow, and null where it is all. */
export function zoomTo(axis: Axis, from: number, to: number): Zoom {
  const width = Math.min(Math.max(Math.abs(to - from), NARROWEST_NS), axis.length);
  const middle = (from + to) / 2;
  const start = Math.max(0, Math.min(middle - width / 2, axis.length - width));
  return width >= axis.length || !Number.isFinite(start) ? null : [start, start + width];
}

/** Zoom by a factor below 1 (in) or above it (out) around a share of the width. */
export function zoomBy(scale: Scale, factor: number, around = 0.5): Zoom {
  const width = scale.to - scale.from;
  const centre = scale.from + width * around;
  const wanted = Math.max(NARROWEST_NS, width * factor);
  return zoomTo(scale.axis, centre - wanted * around, centre + wanted * (1 - around));
}

/** Move what is drawn by a share of its width. */
export function panBy(scale: Scale, shares: number): Zoom {
  const width = scale.to - scale.from;
  const from = Math.max(0, Math.min(scale.from + shares * width, scale.axis.length - width));
  return zoomTo(scale.axis, from, from + width);
}
