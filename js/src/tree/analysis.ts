/**
 * What is reckoned from the rows, each thing when it is first asked for and once for each version:
 * drawing a frame must not look at every row.
 */

import type { Rows } from "./columns";
import { type CriticalPath, criticalPath, onCriticalPath } from "./criticalPath";
import { type Layout, layoutOf } from "./layout";
import { rollUp } from "./rollup";
import { idleGaps } from "./scale";
import { busyStretches, ownStretches, type Stretch, selfTimes, type Times, timesOf } from "./times";

export class Analysis {
  readonly layout: Layout;
  readonly times: Times;
  readonly #rows: Rows;
  readonly #now: number;
  #path: CriticalPath | undefined;
  #self: Float64Array | undefined;
  #tokens: Float64Array | undefined;
  #cost: Float64Array | undefined;
  #gaps: Stretch[] | undefined;
  #kinds: [kind: string, count: number][] | undefined;
  #own = new Map<number, readonly Stretch[]>();
  #busy = new Map<number, readonly Stretch[]>();
  #critical = new Map<number, readonly Stretch[]>();

  constructor(rows: Rows, now: number) {
    this.#rows = rows;
    this.#now = now;
    this.layout = layoutOf(rows);
    this.times = timesOf(rows, now);
  }

  /** "Now" as of which open spans are reckoned. */
  get now(): number {
    return this.#now;
  }

  get self(): Float64Array {
    this.#self ??= selfTimes(this.layout, this.times);
    return this.#self;
  }

  get tokens(): Float64Array {
    this.#tokens ??= rollUp(this.layout, this.#rows.tokens);
    return this.#tokens;
  }

  get cost(): Float64Array {
    this.#cost ??= rollUp(this.layout, this.#rows.cost);
    return this.#cost;
  }

  /** Long times in which nothing ran; none while the trace runs, so that the axis keeps still. */
  get gaps(): readonly Stretch[] {
    const { from, to, open } = this.times;
    this.#gaps ??= open > 0 ? [] : idleGaps(busyStretches(this.layout, this.times), from, to);
    return this.#gaps;
  }

  /** The kinds there are, the most frequent first. */
  get kinds(): readonly [kind: string, count: number][] {
    if (this.#kinds === undefined) {
      const counts = new Map<string, number>();
      for (const row of this.layout.order) {
        const kind = this.#rows.kinds[row] ?? "UNKNOWN";
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
      }
      this.#kinds = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    }
    return this.#kinds;
  }

  /** When a row itself ran, and not a child of it. */
  own(row: number): readonly Stretch[] {
    return kept(this.#own, row, () => ownStretches(this.layout, this.times, row));
  }

  /** When anything in a folded row's subtree ran. */
  busy(row: number): readonly Stretch[] {
    return kept(this.#busy, row, () => busyStretches(this.layout, this.times, row));
  }

  /** Which part of a row, or of its folded subtree, the end of the trace waited for. */
  critical(row: number, folded: boolean): readonly Stretch[] {
    this.#path ??= criticalPath(this.layout, this.times);
    const path = this.#path;
    return kept(this.#critical, folded ? row : -1 - row, () =>
      onCriticalPath(path, this.layout, row, folded),
    );
  }
}

function kept<Value>(cache: Map<number, Value>, key: number, make: () => Value): Value {
  let value = cache.get(key);
  if (value === undefined) {
    value = make();
    cache.set(key, value);
  }
  return value;
}
