import fc from "fast-check";
import { expect, test } from "vitest";
import { ABSENT } from "../src/tree/columns";
import { ancestors, childCount, childrenOf, flatten, type Shape } from "../src/tree/tree";

const ALL = { depth: Number.POSITIVE_INFINITY, toggled: new Set<number>() };

function shape(parent: number[], start = parent.map((_, row) => row)): Shape {
  return { length: parent.length, parent, start, state: parent.map(() => 2) };
}

test("children stand under their parents in order of start", () => {
  const children = childrenOf(shape([-1, 0, 0, 1], [0, 5, 2, 6]));
  expect(flatten(children, ALL).map((line) => [line.row, line.depth])).toEqual([
    [0, 0],
    [2, 1],
    [1, 1],
    [3, 2],
  ]);
});

test("a row whose parent has not arrived is a root until it does", () => {
  const waiting = { ...shape([-1, 0]), state: [ABSENT, 2] };
  expect(flatten(childrenOf(waiting), ALL).map((line) => line.row)).toEqual([1]);
});

test("folds are a depth and the rows that differ from it", () => {
  const children = childrenOf(shape([-1, 0, 1, 0]));
  const rows = (depth: number, ...toggled: number[]) =>
    flatten(children, { depth, toggled: new Set(toggled) }).map((line) => line.row);
  expect(rows(0)).toEqual([0]);
  expect(rows(1)).toEqual([0, 1, 3]);
  expect(rows(1, 1)).toEqual([0, 1, 2, 3]);
  expect(rows(2, 0)).toEqual([0]);
});

test("a chain of 20,000 is flattened without recursion", () => {
  const chain = shape(Array.from({ length: 20_000 }, (_, row) => row - 1));
  expect(flatten(childrenOf(chain), ALL).at(-1)?.depth).toBe(19_999);
});

test("every row has exactly one line, whatever the parents are", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: -1, max: 30 }), fc.integer({ min: 0, max: 9 })), {
        maxLength: 30,
      }),
      (rows) => {
        const any = shape(
          rows.map(([parent]) => parent),
          rows.map(([, start]) => start),
        );
        const children = childrenOf(any);
        const lines = flatten(children, ALL);
        expect(lines.map((line) => line.row).sort((a, b) => a - b)).toEqual(
          rows.map((_, row) => row),
        );
        for (const line of lines) {
          expect(line.children).toBe(childCount(children, line.row));
          expect(ancestors(any, line.row).length).toBeLessThanOrEqual(rows.length);
        }
      },
    ),
  );
});
