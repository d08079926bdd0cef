/** Trees for tests. */
import fc from "fast-check";
import type { Shape } from "../src/tree/layout";

export function shape(parent: number[], start = parent.map((_, row) => row)): Shape {
  return { length: parent.length, parent, start, state: parent.map(() => 2) };
}

/** Rows with any parents at all: missing ones, cycles, themselves. */
export const anyShape = fc
  .array(fc.tuple(fc.integer({ min: -1, max: 30 }), fc.integer({ min: 0, max: 9 })), {
    maxLength: 30,
  })
  .map((rows) =>
    shape(
      rows.map(([parent]) => parent),
      rows.map(([, start]) => start),
    ),
  );
