import fc from "fast-check";
import { expect, test } from "vitest";
import { hasChildren, nextDifference, parentOf, shownLines } from "../src/compare/shown";
import { change } from "../src/compare/Totals";
import type { DiffLine, Mark } from "../src/compare/types";

function line(depth: number, mark: Mark = "same"): DiffLine {
  return {
    depth,
    name: "a",
    kind: "TOOL",
    mark,
    moved: false,
    speed: "",
    changes: [],
    before: null,
    after: null,
  };
}

test("what differs is shown with what is above it", () => {
  const lines = [line(0), line(1), line(2, "added"), line(1), line(2), line(1, "changed")];
  expect(shownLines(lines, true, new Set())).toEqual([0, 1, 2, 5]);
  expect(shownLines(lines, true, new Set([1]))).toEqual([0, 1, 5]);
  expect(shownLines(lines, false, new Set())).toEqual([0, 1, 2, 3, 4, 5]);
  expect(nextDifference(lines, 2)).toBe(5);
  expect(nextDifference(lines, 5)).toBe(2);
  expect(nextDifference([line(0)], 0)).toBe(-1);
  expect([parentOf(lines, 5), parentOf(lines, 2), parentOf(lines, 0)]).toEqual([0, 1, -1]);
  expect(hasChildren(lines, 1)).toBe(true);
  expect(hasChildren(lines, 5)).toBe(false);
});

test("a change is said as people say it", () => {
  expect([
    change(10, 11),
    change(10, 34),
    change(10, 5),
    change(null, 5),
    change(1000, 1001),
  ]).toEqual(["+10 %", "3.4 ×", "−50 %", "", ""]);
});

const marks = fc.constantFrom<Mark>("same", "added", "removed", "changed");
const trees = fc.array(fc.tuple(fc.nat(3), marks), { maxLength: 30 }).map((steps) => {
  let depth = -1;
  return steps.map(([up, mark]) => {
    depth = Math.max(0, depth + 1 - up);
    return line(depth, mark);
  });
});

test("every shown line stands below its shown parent", () => {
  fc.assert(
    fc.property(trees, fc.boolean(), fc.array(fc.nat(29)), (lines, only, folds) => {
      const folded = new Set(folds.filter((place) => place < lines.length));
      const shown = new Set(shownLines(lines, only, folded));
      for (const place of shown) {
        const parent = parentOf(lines, place);
        expect(parent < 0 || (shown.has(parent) && !folded.has(parent))).toBe(true);
      }
      if (only && folded.size === 0) {
        lines.forEach((item, place) => {
          expect(item.mark === "same" || shown.has(place)).toBe(true);
        });
      }
    }),
  );
});
