import fc from "fast-check";
import { expect, test } from "vitest";
import { ABSENT } from "../src/tree/columns";
import {
  ancestors,
  childCount,
  isBelow,
  type Layout,
  layoutOf,
  linesOf,
  revealed,
  type Shape,
  type Shown,
} from "../src/tree/layout";
import { anyShape, shape } from "./shapes";

const ALL = { depth: Number.POSITIVE_INFINITY, toggled: new Set<number>() };
const WHOLE: Shown = { folds: ALL, root: -1, kept: null, until: Number.POSITIVE_INFINITY };

function lines(any: Shape, shown: Partial<Shown> = {}): number[] {
  return [...linesOf(layoutOf(any), any.start, { ...WHOLE, ...shown })];
}

test("children stand under their parents in order of start", () => {
  const any = shape([-1, 0, 0, 1], [0, 5, 2, 6]);
  const layout = layoutOf(any);
  expect(lines(any)).toEqual([0, 2, 1, 3]);
  expect([...layout.depth]).toEqual([0, 1, 1, 2]);
  expect([...layout.size]).toEqual([4, 2, 1, 1]);
  expect([...layout.position]).toEqual([1, 2, 1, 1]);
});

test("a row whose parent has not arrived is a root until it does", () => {
  expect(lines({ ...shape([-1, 0]), state: [ABSENT, 2] })).toEqual([1]);
});

test("folds are a depth and the rows that differ from it", () => {
  const any = shape([-1, 0, 1, 0]);
  const rows = (depth: number, ...toggled: number[]) =>
    lines(any, { folds: { depth, toggled: new Set(toggled) } });
  expect(rows(0)).toEqual([0]);
  expect(rows(1)).toEqual([0, 1, 3]);
  expect(rows(1, 1)).toEqual([0, 1, 2, 3]);
  expect(rows(2, 0)).toEqual([0]);
});

test("a subtree, what a filter keeps and what has started", () => {
  const any = shape([-1, 0, 1, 0]);
  expect(lines(any, { root: 1 })).toEqual([1, 2]);
  expect(lines(any, { kept: Uint8Array.of(1, 0, 1, 1) })).toEqual([0, 3]);
  expect(lines(any, { until: 2 })).toEqual([0, 1, 2]);
  expect(lines(any, { until: -1 })).toEqual([]);
});

test("chains of 20,000 and 20,000 siblings are laid out without recursion", () => {
  const chain = shape(Array.from({ length: 20_000 }, (_, row) => row - 1));
  const wide = shape(Array.from({ length: 20_000 }, (_, row) => (row === 0 ? -1 : 0)));
  expect(lines(chain).at(-1)).toBe(19_999);
  expect(lines(wide).length).toBe(20_000);
});

function check(any: Shape, layout: Layout): void {
  expect([...layout.order].sort((a, b) => a - b)).toEqual(
    Array.from({ length: any.length }, (_, row) => row),
  );
  for (const row of layout.order) {
    const above = ancestors(layout, row);
    expect(above.length).toBe(layout.depth[row]);
    expect(above.every((other) => isBelow(layout, row, other))).toBe(true);
    let size = 1;
    const first = layout.first[row] ?? 0;
    for (const child of layout.list.subarray(first, first + childCount(layout, row))) {
      expect(layout.parent[child]).toBe(row);
      size += layout.size[child] ?? 0;
    }
    expect(layout.size[row]).toBe(size);
  }
}

test("every row has exactly one line, whatever the parents are", () => {
  fc.assert(fc.property(anyShape, (any) => check(any, layoutOf(any))));
});

test("a revealed row has a line, whatever is folded", () => {
  fc.assert(
    fc.property(anyShape, fc.nat(4), fc.array(fc.nat(30)), fc.nat(29), (any, depth, rows, row) => {
      fc.pre(row < any.length);
      const layout = layoutOf(any);
      const folds = revealed(layout, { depth, toggled: new Set(rows) }, -1, row);
      expect([...linesOf(layout, any.start, { ...WHOLE, folds })]).toContain(row);
    }),
  );
});
