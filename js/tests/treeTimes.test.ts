/** Times, critical path, self time and sums of trees whose data may be anything. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { criticalPath, onCriticalPath } from "../src/tree/criticalPath";
import { layoutOf } from "../src/tree/layout";
import { rollUp } from "../src/tree/rollup";
import {
  between,
  busyStretches,
  joined,
  ownStretches,
  type Stretch,
  selfTimes,
  timesOf,
} from "../src/tree/times";

type Span = [parent: number, start: number, end: number];

function tree(spans: readonly Span[], now = 100) {
  const rows = {
    length: spans.length,
    parent: spans.map(([parent]) => parent),
    start: spans.map(([, start]) => start),
    end: spans.map(([, , end]) => end),
    state: spans.map(() => 2),
  };
  return { layout: layoutOf(rows), times: timesOf(rows, now) };
}

const moment = fc.integer({ min: -20, max: 100 });
/** Parents that are missing or form cycles, ends before starts, spans that are open. */
const anySpans = fc.array(
  fc.tuple(fc.integer({ min: -1, max: 25 }), moment, fc.oneof(moment, fc.constant(Number.NaN))),
  { maxLength: 25 },
);

function sum(stretches: readonly Stretch[]): number {
  return stretches.reduce((total, [from, to]) => total + to - from, 0);
}

test("the path goes back from the child that finished last", () => {
  // The second child waits for the first; the third ran beside them and is not waited for.
  const { layout, times } = tree([
    [-1, 0, 100],
    [0, 10, 30],
    [0, 40, 90],
    [0, 20, 60],
    [2, 50, 70],
  ]);
  const path = criticalPath(layout, times);
  const on = (row: number, folded = false) => onCriticalPath(path, layout, row, folded);
  expect(on(0)).toEqual([
    [0, 10],
    [30, 40],
    [90, 100],
  ]);
  expect(on(1)).toEqual([[10, 30]]);
  expect(on(2)).toEqual([
    [40, 50],
    [70, 90],
  ]);
  expect(on(3)).toEqual([]);
  // Folded, the parent takes over what its subtree has.
  expect(on(2, true)).toEqual([[40, 90]]);
  expect(on(0, true)).toEqual([[0, 100]]);
});

test("a child that outlives its parent counts up to the parent's end", () => {
  const { layout, times } = tree([
    [-1, 0, 50],
    [0, 10, 80],
  ]);
  const path = criticalPath(layout, times);
  expect(onCriticalPath(path, layout, 1, false)).toEqual([[10, 50]]);
});

test("the path is disjoint, inside its spans, and covers a single root", () => {
  fc.assert(
    fc.property(anySpans, (spans) => {
      const { layout, times } = tree(spans);
      const path = criticalPath(layout, times);
      const all: Stretch[] = [...path.from].map((from, index) => [from, path.to[index] ?? 0]);
      path.place.forEach((place, index) => {
        const row = layout.order[place] ?? 0;
        expect(path.from[index]).toBeGreaterThanOrEqual(times.start[row] ?? 0);
        expect(path.to[index]).toBeLessThanOrEqual(times.end[row] ?? 0);
      });
      const sorted = all.sort((a, b) => a[0] - b[0]);
      sorted.forEach(([from], index) => {
        expect(from).toBeGreaterThanOrEqual(sorted[index - 1]?.[1] ?? Number.NEGATIVE_INFINITY);
      });
      const root = layout.roots[0];
      if (layout.roots.length === 1 && root !== undefined) {
        const reached = Math.max(0, sum(sorted));
        expect(reached).toBe((times.end[root] ?? 0) - (times.start[root] ?? 0));
      }
    }),
  );
});

test("deep chains and many siblings take no recursion and no quadratic time", () => {
  const chain: Span[] = Array.from({ length: 20_000 }, (_, row) => [row - 1, row, 50_000 - row]);
  const wide: Span[] = Array.from({ length: 20_000 }, (_, row) =>
    row === 0 ? [-1, 0, 50_000] : [0, row, row + 2],
  );
  for (const spans of [chain, wide]) {
    const { layout, times } = tree(spans);
    expect(sum(onCriticalPath(criticalPath(layout, times), layout, 0, true))).toBe(50_000);
    expect(selfTimes(layout, times).every((self) => self >= 0)).toBe(true);
  }
});

test("self time and the children's time make up a span", () => {
  fc.assert(
    fc.property(anySpans, (spans) => {
      const { layout, times } = tree(spans);
      const self = selfTimes(layout, times);
      for (const row of layout.order) {
        const own = ownStretches(layout, times, row);
        const length = (times.end[row] ?? 0) - (times.start[row] ?? 0);
        expect(self[row]).toBeCloseTo(sum(own));
        expect(self[row]).toBeLessThanOrEqual(length);
        if (layout.size[row] === 1) {
          expect(self[row]).toBe(length);
        }
      }
    }),
  );
});

test("spans that are open end now, and no span ends before it starts", () => {
  const { times } = tree(
    [
      [-1, 10, Number.NaN],
      [0, 20, 5],
    ],
    70,
  );
  expect([...times.end]).toEqual([70, 20]);
  expect([times.from, times.to, times.open]).toEqual([10, 70, 1]);
});

test("busy stretches are in order, apart, and hold every leaf", () => {
  fc.assert(
    fc.property(anySpans, (spans) => {
      const { layout, times } = tree(spans);
      const busy = busyStretches(layout, times);
      busy.forEach(([from, to], index) => {
        expect(from).toBeLessThanOrEqual(to);
        expect(from).toBeGreaterThan(busy[index - 1]?.[1] ?? Number.NEGATIVE_INFINITY);
      });
      for (const row of layout.order) {
        if (layout.size[row] === 1) {
          const [start, end] = [times.start[row] ?? 0, times.end[row] ?? 0];
          expect(busy.some(([from, to]) => from <= start && end <= to)).toBe(true);
        }
      }
    }),
  );
});

test("what is seen between two moments is what touches them, close pieces made one", () => {
  const pieces: Stretch[] = [
    [0, 1],
    [2, 3],
    [10, 20],
    [40, 50],
  ];
  expect(between(pieces, 2, 15, 0)).toEqual([
    [2, 3],
    [10, 20],
  ]);
  expect(between(pieces, -5, 60, 8)).toEqual([
    [0, 20],
    [40, 50],
  ]);
  expect(joined([])).toEqual([]);
});

test("of spans in one line of descent only the lowest that know a figure count", () => {
  // The agent repeats the sum of its two calls; what nobody knows stays unknown.
  const { layout } = tree([
    [-1, 0, 9],
    [0, 1, 8],
    [1, 2, 3],
    [1, 4, 5],
    [-1, 0, 9],
  ]);
  const own = [Number.NaN, 30, 10, 20, Number.NaN];
  expect([...rollUp(layout, own)]).toEqual([30, 30, 10, 20, Number.NaN]);
});

test("the sums of the roots are those of the lowest", () => {
  fc.assert(
    fc.property(anySpans, fc.array(fc.nat(9), { minLength: 25, maxLength: 25 }), (spans, own) => {
      const { layout } = tree(spans);
      const sums = rollUp(layout, own);
      let leaves = 0;
      for (const row of layout.order) {
        leaves += layout.size[row] === 1 ? (own[row] ?? 0) : 0;
      }
      expect([...layout.roots].reduce((total, row) => total + (sums[row] ?? 0), 0)).toBe(leaves);
    }),
  );
});
