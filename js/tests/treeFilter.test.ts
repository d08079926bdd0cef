/** Search and filters. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { VALUE_BINDINGS } from "../src/details/keys";
import { ERROR } from "../src/tree/columns";
import {
  found,
  IN_NAME,
  IN_VALUES,
  matcher,
  matchesIn,
  NO_FILTER,
  parseDuration,
  passing,
  pieces,
  withAncestors,
} from "../src/tree/filter";
import { BINDINGS, commandOf, keyOf, SEARCH_BINDINGS, SPLITTER_BINDINGS } from "../src/tree/keys";
import { layoutOf } from "../src/tree/layout";
import { timesOf } from "../src/tree/times";
import { anyShape } from "./shapes";

const rows = {
  length: 4,
  parent: [-1, 0, 1, 0],
  start: [0, 10, 20, 30],
  end: [100, 50, 45, 31],
  state: [2, 2, ERROR, 2],
  names: ["answer", "plan", "fetch page", "fetch (all)"],
  kinds: ["AGENT", "CHAIN", "TOOL", "TOOL"],
  previews: new Map([[1, { inputs: '{"city": "Paris"}', outputs: "", error: "" }]]),
};
const layout = layoutOf(rows);
const times = timesOf(rows, 0);
const look = (text: string, regex = false): RegExp => matcher(text, regex) ?? /(?!)/;

test("names and values are searched, whatever the case; the kernel adds what it knows", () => {
  expect([...found(rows, look("FETCH"))]).toEqual([0, 0, IN_NAME, IN_NAME]);
  expect([...found(rows, look("paris"))]).toEqual([0, IN_VALUES, 0, 0]);
  expect([...found(rows, look("fetch"), [0, 2, 99])]).toEqual([IN_VALUES, 0, IN_NAME, IN_NAME]);
});

test("a text is meant as it stands, a regular expression only when asked for", () => {
  expect([...found(rows, look("(all)"))]).toEqual([0, 0, 0, IN_NAME]);
  expect([...found(rows, look("^fetch .$|plan", true))]).toEqual([0, IN_NAME, 0, 0]);
  expect([matcher("(", true), matcher("", false)]).toEqual([null, null]);
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (text) => {
      expect(pieces(`<${text}>`, matcher(text, false)).join("")).toBe(`<${text}>`);
      expect(matcher(text, false)?.test(text)).toBe(true);
    }),
  );
});

test("filters by kind, state and duration", () => {
  const pass = (filter: object) => [...passing(rows, times, { ...NO_FILTER, ...filter })];
  expect(pass({ without: new Set(["TOOL"]) })).toEqual([1, 1, 0, 0]);
  expect(pass({ status: "error" })).toEqual([0, 0, 1, 0]);
  expect(pass({ atLeast: 30 })).toEqual([1, 1, 0, 0]);
});

test("what is kept is kept with everything above it", () => {
  expect([...withAncestors(layout, (row) => row === 2)]).toEqual([1, 1, 1, 0]);
  fc.assert(
    fc.property(anyShape, fc.array(fc.boolean()), (shape, wanted) => {
      const any = layoutOf(shape);
      const kept = withAncestors(any, (row) => wanted[row] === true);
      for (const row of any.order) {
        const parent = any.parent[row] ?? -1;
        expect(kept[row] === 1 || wanted[row] !== true).toBe(true);
        expect(kept[row] === 0 || parent < 0 || kept[parent] === 1).toBe(true);
      }
    }),
  );
});

test("matches come in the order of the tree, within a subtree", () => {
  const where = found(rows, look("fetch"));
  expect([...matchesIn(layout, where, null)]).toEqual([2, 3]);
  expect([...matchesIn(layout, where, Uint8Array.of(1, 1, 0, 1))]).toEqual([3]);
  expect([...matchesIn(layout, where, null, 1)]).toEqual([2]);
});

test("durations as people write them", () => {
  const values = ["", "50", "50 ms", "1.5s", "2 %", "200us", "3 µs", ".5 min", "x", "5 m", "-1"];
  expect(values.map((text) => parseDuration(text, 1e9))).toEqual([
    0,
    50e6,
    50e6,
    1.5e9,
    2e7,
    2e5,
    3e3,
    30e9,
    null,
    null,
    null,
  ]);
});

test("every command has one row in its table, and every key one command", () => {
  for (const table of [BINDINGS, SEARCH_BINDINGS, SPLITTER_BINDINGS, VALUE_BINDINGS]) {
    const keys = table.flatMap((binding) => [...binding.keys] as string[]);
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(table.map((binding) => binding.command)).size).toBe(table.length);
  }
  expect(commandOf({ key: "7", ctrlKey: false, metaKey: false, altKey: false })).toBe("level");
  expect(keyOf("critical")).toBe("c");
});
