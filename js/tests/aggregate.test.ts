import fc from "fast-check";
import { expect, test } from "vitest";
import { flameOf, MOST_LEVELS, visibleBoxes } from "../src/aggregate/boxes";
import { byName, quantile, sorted } from "../src/aggregate/groups";
import { Analysis } from "../src/tree/analysis";
import { Rows } from "../src/tree/columns";

interface Made {
  name: string;
  parent: number;
  start: number;
  end: number;
  tokens?: number;
  state?: number;
}

function rowsOf(spans: Made[]): Rows {
  const rows = new Rows();
  const count = spans.length;
  Object.assign(rows, {
    length: count,
    version: 1,
    parent: Int32Array.from(spans, (span) => span.parent),
    start: Float64Array.from(spans, (span) => span.start),
    end: Float64Array.from(spans, (span) => span.end),
    tokens: Float64Array.from(spans, (span) => span.tokens ?? Number.NaN),
    cost: new Float64Array(count).fill(Number.NaN),
    state: Uint8Array.from(spans, (span) => span.state ?? 2),
    ids: new Uint8Array(count * 8),
    names: spans.map((span) => span.name),
    kinds: spans.map(() => "TOOL"),
  });
  return rows;
}

const spans: Made[] = [
  { name: "ask", parent: -1, start: 0, end: 100 },
  { name: "chat", parent: 0, start: 0, end: 30, tokens: 5 },
  { name: "chat", parent: 0, start: 40, end: 90, tokens: 7, state: 3 },
  { name: "fetch", parent: 2, start: 50, end: 60 },
];

test("spans are counted by name", () => {
  const rows = rowsOf(spans);
  const groups = byName(rows, new Analysis(rows, 100));
  expect(groups.map((group) => [group.name, group.count, group.total, group.self])).toEqual([
    ["chat", 2, 80, 70],
    ["ask", 1, 100, 20],
    ["fetch", 1, 10, 10],
  ]);
  const [chat] = groups;
  expect([chat?.p50, chat?.p95, chat?.errors, chat?.tokens, chat?.row]).toEqual([30, 50, 1, 12, 2]);
  expect(sorted(groups, "tokens", true).map((group) => group.name)).toEqual([
    "chat",
    "ask",
    "fetch",
  ]);
  expect(sorted(groups, "name", false).map((group) => group.name)).toEqual([
    "ask",
    "chat",
    "fetch",
  ]);
});

test("quantiles are values of the list", () => {
  expect([quantile([1, 2, 3, 4], 0.5), quantile([1, 2, 3, 4], 0.95), quantile([7], 0.5)]).toEqual([
    2, 4, 7,
  ]);
});

test("spans of one path are one box, and boxes nest", () => {
  const rows = rowsOf(spans);
  const flame = flameOf(rows, new Analysis(rows, 100));
  expect(flame.name).toEqual(["", "ask", "chat", "fetch"]);
  expect(flame.count).toEqual([0, 1, 2, 1]);
  expect(flame.value).toEqual([100, 100, 80, 10]);
  expect(visibleBoxes(flame, 2, 0.01)).toEqual([
    { box: 1, left: 0, width: 1, depth: 0 },
    { box: 2, left: 0, width: 1, depth: 1 },
    { box: 3, left: 0, width: 0.125, depth: 2 },
  ]);
});

const trees = fc
  .array(
    fc.record({
      name: fc.constantFrom("a", "b", "c"),
      above: fc.nat(40),
      start: fc.nat(1000),
      took: fc.integer({ min: -10, max: 500 }),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((items) =>
    items.map(({ name, above, start, took }, at) => ({
      name,
      parent: at === 0 ? -1 : Math.min(above, at) - 1,
      start,
      end: start + took,
    })),
  );

test("no box is wider than the one it stands in, and all time is somewhere", () => {
  fc.assert(
    fc.property(trees, (made) => {
      const rows = rowsOf(made);
      const analysis = new Analysis(rows, 2000);
      const flame = flameOf(rows, analysis);
      const own = analysis.self.reduce((sum, value) => sum + value, 0);
      expect(flame.value[0]).toBeCloseTo(own);
      for (let box = 1; box < flame.value.length; box++) {
        const above = flame.parent[box] ?? 0;
        const end = (flame.start[box] ?? 0) + (flame.value[box] ?? 0);
        expect(flame.start[box]).toBeGreaterThanOrEqual(flame.start[above] ?? 0);
        expect(end).toBeLessThanOrEqual(
          (flame.start[above] ?? 0) + (flame.value[above] ?? 0) + 1e-6,
        );
      }
      const counted = byName(rows, analysis).reduce((sum, group) => sum + group.count, 0);
      expect(counted).toBe(made.length);
    }),
  );
});

test("a thousand levels are cut", () => {
  const deep = Array.from({ length: 1000 }, (_, at) => ({
    name: `n${at}`,
    parent: at - 1,
    start: 0,
    end: 1000,
  }));
  const rows = rowsOf(deep);
  const flame = flameOf(rows, new Analysis(rows, 1000));
  expect(Math.max(...flame.depth)).toBe(MOST_LEVELS - 1);
  expect(flame.value[0]).toBe(1000);
});
