import fc from "fast-check";
import { expect, test } from "vitest";
import { count, counted, dateTime, dollars, duration } from "../src/page/format";
import { pretty, stringValue } from "../src/page/json";
import { sizesOf } from "../src/page/remembered";
import { listHeight, MAX_LIST_PIXELS, scrollToLine, visibleSlice } from "../src/page/window";
import { ROW_BYTES, Rows } from "../src/tree/columns";
import { BINDINGS, commandOf } from "../src/tree/keys";

const plain = { ctrlKey: false, metaKey: false, altKey: false };

test("durations have three figures", () => {
  expect([12, 1_240, 1_240_000, 1.8e9, 200e9, 7_300e9].map(duration)).toEqual([
    "12 ns",
    "1.24 µs",
    "1.24 ms",
    "1.8 s",
    "3 min 20 s",
    "2 h 1 min",
  ]);
  expect(duration(Number.NaN)).toBe("");
});

test("what is not known is empty, never zero", () => {
  expect([count(Number.NaN), count(null), dollars(undefined)]).toEqual(["", "", ""]);
  expect([count(0), dollars(0.01234)]).toEqual(["0", "$0.0123"]);
});

test("one and many are told apart", () => {
  expect([counted(1, "span"), counted(0, "span"), counted(1234, "span")]).toEqual([
    "1 span",
    "0 spans",
    "1,234 spans",
  ]);
});

test("a moment is written so that it sorts, whatever the language of the browser", () => {
  expect(dateTime(new Date(2026, 10, 3, 4, 5, 6).getTime())).toBe("2026-11-03 04:05:06");
});

test("of kept sizes only numbers of known parts are taken", () => {
  const parts = ["name", "height"] as const;
  expect(sizesOf('{"name": 120, "height": "9", "other": 5}', parts)).toEqual({ name: 120 });
  expect(sizesOf('{"name": -1, "height": 1e9}', parts)).toEqual({});
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (kept) => {
      for (const pixels of Object.values(sizesOf(kept, parts))) {
        expect(pixels).toBeGreaterThan(0);
      }
    }),
  );
});

test("pretty JSON is the same JSON", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(JSON.parse(pretty(text))).toEqual(JSON.parse(text));
    }),
  );
});

test("big integers and cut values stay as they are", () => {
  expect(pretty('{"n":12345678901234567890}')).toBe('{"n": 12345678901234567890}');
  expect(() => pretty('{"a": ["cut he')).not.toThrow();
});

test("only a JSON string has a string value", () => {
  expect([stringValue('"a\\nb"'), stringValue("1"), stringValue('"cut')]).toEqual([
    "a\nb",
    null,
    null,
  ]);
});

test("the window covers what is seen and stays inside the list", () => {
  fc.assert(
    fc.property(
      fc.nat(200_000),
      fc.nat(5_000_000),
      fc.integer({ min: 24, max: 2_000 }),
      (total, top, height) => {
        const { from, to } = visibleSlice(total, 24, top, height);
        expect(from).toBeGreaterThanOrEqual(0);
        expect(to).toBeLessThanOrEqual(total);
        expect(to - from).toBeLessThanOrEqual(Math.ceil(height / 24) * 2 + 16);
        if (top + height <= total * 24) {
          expect(from * 24).toBeLessThanOrEqual(top);
          expect(to * 24).toBeGreaterThanOrEqual(Math.min(top + height, total * 24));
        }
      },
    ),
  );
  expect(listHeight(10_000_000, 24)).toBe(MAX_LIST_PIXELS);
  expect([
    scrollToLine(0, 24, 100, 240),
    scrollToLine(20, 24, 0, 240),
    scrollToLine(5, 24, 0, 240),
  ]).toEqual([0, 264, 0]);
});

test("each key means one thing, and modifiers are left to the notebook", () => {
  const keys = BINDINGS.flatMap((binding) => binding.keys);
  expect(new Set(keys).size).toBe(keys.length);
  expect(commandOf({ ...plain, key: "ArrowDown" })).toBe("next");
  expect(commandOf({ ...plain, key: "Enter", ctrlKey: true })).toBeNull();
  expect(commandOf({ ...plain, key: "x" })).toBeNull();
});

test("rows take columns, also those mentioned before they arrive", () => {
  const columns = new ArrayBuffer(ROW_BYTES);
  new Float64Array(columns, 0, 4).set([5, Number.NaN, 7, Number.NaN]);
  new Uint8Array(columns, 32, 8).set([0, 1, 2, 3, 4, 5, 6, 255]);
  new Uint32Array(columns, 40, 1).set([0]);
  new Int32Array(columns, 44, 1).set([100]);
  const rows = new Rows();
  rows.apply({ count: 1 }, columns, {
    names: ["ask"],
    kinds: ["LLM"],
    previews: [[0, "in", "", ""]],
    events: [[0, 6, "retry"]],
  });
  expect(rows.events.get(0)).toEqual([{ time: 6, name: "retry" }]);
  expect([rows.length, rows.names[0], rows.kinds[0], rows.parent[0], rows.tokens[0]]).toEqual([
    101,
    "ask",
    "LLM",
    100,
    7,
  ]);
  expect([
    rows.id(0),
    rows.find("00010203040506ff"),
    rows.find("nonsense"),
    rows.find("0".repeat(16)),
  ]).toEqual(["00010203040506ff", 0, -1, -1]);
  expect(() =>
    rows.apply({ count: 2 }, columns, { names: [], kinds: [], previews: [], events: [] }),
  ).toThrow(RangeError);
});
