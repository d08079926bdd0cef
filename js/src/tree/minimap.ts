/** The whole trace as a small picture: lanes from top to bottom of the tree, bins of time. */

import type { Layout } from "./layout";
import type { Times } from "./times";

export interface Picture {
  lanes: number;
  bins: number;
  /** Lane after lane: 0 is empty, otherwise a colour's number. */
  cells: Uint8Array;
}

/** Paint each row into its lane; what is painted later and has a higher number covers. */
export function paint(
  layout: Layout,
  times: Times,
  colour: (row: number) => number,
  lanes: number,
  bins: number,
  place: (time: number) => number,
): Picture {
  const cells = new Uint8Array(lanes * bins);
  const total = Math.max(layout.order.length, 1);
  const used = Math.min(lanes, total);
  for (let at = 0; at < layout.order.length; at++) {
    const row = layout.order[at] ?? 0;
    const lane = Math.floor((at / total) * used) * bins;
    const from = bin(place(times.start[row] ?? 0), bins);
    const to = bin(place(times.end[row] ?? 0), bins);
    const value = colour(row);
    for (let cell = lane + from; cell <= lane + to; cell++) {
      if ((cells[cell] ?? 0) < value) {
        cells[cell] = value;
      }
    }
  }
  return { lanes: used, bins, cells };
}

function bin(share: number, bins: number): number {
  return Math.max(0, Math.min(bins - 1, Math.floor((Number.isFinite(share) ? share : 0) * bins)));
}

/** SVG paths by colour, in units of bins and lanes. */
export function pathsOf(picture: Picture): Map<number, string> {
  const paths = new Map<number, string[]>();
  const { cells, bins, lanes } = picture;
  for (let lane = 0; lane < lanes; lane++) {
    for (let from = 0; from < bins; ) {
      const colour = cells[lane * bins + from] ?? 0;
      let to = from + 1;
      while (to < bins && cells[lane * bins + to] === colour) {
        to += 1;
      }
      if (colour > 0) {
        const path = paths.get(colour) ?? [];
        path.push(`M${from} ${lane}h${to - from}v1h${from - to}z`);
        paths.set(colour, path);
      }
      from = to;
    }
  }
  return new Map([...paths].map(([colour, path]) => [colour, path.join("")]));
}
