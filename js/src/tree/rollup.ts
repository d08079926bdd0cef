/**
 * Tokens and cost of subtrees. A framework's span often repeats what the call below it used, so of
 * spans in one line of descent only the lowest that know a figure count.
 */
import type { Layout } from "./layout";

/** The sum of each row's subtree; NaN where nobody in it knows the figure. */
export function rollUp(layout: Layout, own: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(layout.place.length).fill(Number.NaN);
  for (let at = layout.order.length - 1; at >= 0; at--) {
    const row = layout.order[at] ?? 0;
    // All children come later in the order and have added theirs.
    const below = sums[row] ?? Number.NaN;
    const sum = Number.isNaN(below) ? (own[row] ?? Number.NaN) : below;
    sums[row] = sum;
    const parent = layout.parent[row] ?? -1;
    if (parent >= 0 && !Number.isNaN(sum)) {
      const before = sums[parent] ?? Number.NaN;
      sums[parent] = Number.isNaN(before) ? sum : before + sum;
    }
  }
  return sums;
}
