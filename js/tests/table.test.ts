import fc from "fast-check";
import { expect, test } from "vitest";
import { ALL, chosenOf, including, isChosen, NONE, selectionOf, toggle } from "../src/table/chosen";
import { COLUMNS, columnOf, nextOrder, sortedBy } from "../src/table/columns";
import { barAt, barPath, brushed, MEASURES, rangePill } from "../src/table/histogram";
import { layoutOf, moved, resized, toggled } from "../src/table/layout";
import type { TableRow } from "../src/table/messages";
import { NestedModel } from "../src/table/nested";
import { PAGE_ROWS, Pages } from "../src/table/pages";
import {
  condition,
  join,
  OPERATORS,
  quoted,
  split,
  tagField,
  typedValue,
  withPill,
} from "../src/table/pills";
import {
  LINE_HEIGHT,
  MAX_PIXELS,
  placeAt,
  START,
  scrolled,
  showLine,
  shownPixels,
  visibleLines,
} from "../src/table/place";

const extents = fc.record({
  total: fc.integer({ min: 0, max: 50_000_000 }),
  view: fc.integer({ min: 100, max: 2_000 }),
});

test("every row of a list of any length can be reached, and the bar stays within its range", () => {
  fc.assert(
    fc.property(extents, fc.double({ min: 0, max: 1, noNaN: true }), (extent, share) => {
      const line = Math.floor(share * Math.max(0, extent.total - 1));
      const place = showLine(line, START, extent);
      expect(place.scroll).toBeLessThanOrEqual(MAX_PIXELS);
      if (extent.total > 0) {
        const { from, to } = visibleLines(place, extent);
        expect(from).toBeLessThanOrEqual(line);
        expect(to).toBeGreaterThan(line);
      }
    }),
  );
});

test("the ends of the bar are the ends of the list", () => {
  fc.assert(
    fc.property(extents, (extent) => {
      const most = Math.max(0, shownPixels(extent.total) - extent.view);
      const end = scrolled(START, most, extent);
      expect(visibleLines(end, extent).to).toBe(extent.total);
      expect(scrolled(end, 0, extent).offset).toBe(0);
    }),
  );
});

test("a wheel moves a long list by pixels, the bar in proportion", () => {
  const extent = { total: 10_000_000, view: 400 };
  const here = placeAt(5_000_000 * LINE_HEIGHT, extent);
  expect(scrolled(here, here.scroll + 100, extent).offset).toBe(here.offset + 100);
  const far = scrolled(here, here.scroll / 2, extent);
  expect(far.offset / here.offset).toBeCloseTo(0.5, 3);
  // Where it rests the bar says where it is.
  expect(placeAt(far.offset, extent).scroll).toBeCloseTo(far.scroll, -1);
});

const names = fc.constantFrom("state", "tags.`a b`", "metadata.k", "span.name", "cost", 'tags."x"');
const texts = fc.string().map((text) => quoted(text.replaceAll("\0", "")));
const conditions = fc.oneof(
  fc.tuple(names, fc.constantFrom("=", "!=", "LIKE", "NOT ILIKE"), texts).map((x) => x.join(" ")),
  fc.tuple(names, texts, texts).map(([name, a, b]) => `${name} BETWEEN ${a} AND ${b}`),
  fc.tuple(names, texts, texts).map(([name, a, b]) => `${name} IN (${a}, ${b})`),
  names.map((name) => `${name} IS NOT NULL`),
  fc.tuple(names, texts).map(([name, a]) => `NOT (${name} = ${a} AND cost > 1)`),
);

test("pills are the conditions that must all hold, and make the same filter again", () => {
  fc.assert(
    fc.property(fc.array(conditions, { maxLength: 5 }), (all) => {
      const filter = all.join(" AND ");
      expect(split(filter).map((pill) => pill.text)).toEqual(all);
      expect(join(split(filter))).toBe(filter);
    }),
  );
});

test("an OR is one pill, in parentheses beside others", () => {
  const pills = split("state = 'OK' or name = 'a AND b'");
  expect(pills).toEqual([{ text: "state = 'OK' or name = 'a AND b'", parts: null }]);
  const more = withPill(pills, condition("cost", ">", "1"));
  expect(join(more)).toBe("(state = 'OK' or name = 'a AND b') AND cost > 1");
  expect(split(join(more)).map((pill) => pill.text)).toEqual([
    "(state = 'OK' or name = 'a AND b')",
    "cost > 1",
  ]);
});

test("any text can be taken apart and put together without loss of words", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const again = join(split(text));
      expect(join(split(again))).toBe(again);
    }),
  );
});

test("a simple condition has parts, another has none", () => {
  expect(split("tags.`a b`  NOT  LIKE 'x''y%'")[0]?.parts).toEqual({
    field: "tags.`a b`",
    operator: "NOT LIKE",
    value: "'x''y%'",
  });
  expect(split("duration_ms BETWEEN 1 AND 2")[0]?.parts?.value).toBe("1 AND 2");
  expect(split("NOT state = 'OK'")[0]?.parts).toBeNull();
  expect(typedValue("'it''s'")).toBe("it's");
});

test("what is typed becomes a value of its field", () => {
  const made = OPERATORS.map((operator) => condition("cost", operator, "1, 2").text);
  expect(made).toContain("cost IN (1, 2)");
  expect(made).toContain("cost BETWEEN 1 AND 2");
  expect(made).toContain("cost IS NULL");
  expect(condition("tags.n", "=", "5").text).toBe("tags.n = '5'");
  expect(condition("name", "=", "it's").text).toBe("name = 'it''s'");
  expect(condition("state", "IN", "OK, ERROR").text).toBe("state IN ('OK', 'ERROR')");
  expect(condition("text", "ILIKE", "%a%").text).toBe("text ILIKE '%a%'");
  expect(tagField("a.b")).toBe("tags.a.b");
  expect(tagField("a b")).toBe("tags.`a b`");
});

test("a new range replaces the old one, an equality is added", () => {
  const pills = split("cost BETWEEN 1 AND 2 AND state = 'OK'");
  expect(join(withPill(pills, condition("cost", "BETWEEN", "3, 4")))).toBe(
    "state = 'OK' AND cost BETWEEN 3 AND 4",
  );
  expect(withPill(pills, condition("state", "=", "OK"))).toHaveLength(2);
});

test("a brush means the values of its bars, whichever end came first", () => {
  const figure = { edges: [0, 10, 20, 30], counts: [5, 0, 2], missing: 0 };
  expect(brushed(figure, 0, 1, true)).toEqual([0, 19]);
  expect(brushed(figure, 2, 1, true)).toEqual([10, 30]);
  expect(brushed(figure, 1, 1, false)).toEqual([10, 20]);
  expect(brushed(figure, 1, 9, false)).toBeNull();
  expect([barAt(-1, 3), barAt(0.5, 3), barAt(2, 3)]).toEqual([0, 1, 2]);
  expect(barPath(figure.counts).split("M")).toHaveLength(3);
  const [time, duration] = MEASURES;
  if (time && duration) {
    expect(rangePill(time, [0, 1_000]).text).toBe(
      "start_time BETWEEN '1970-01-01T00:00:00.000Z' AND '1970-01-01T00:00:01.000Z'",
    );
    expect(split(rangePill(duration, [5, 9]).text)[0]).toEqual(rangePill(duration, [5, 9]));
  }
});

test("a layout of another version keeps what is known and shows what is new", () => {
  const all = ["a", "b", "c"];
  const layout = layoutOf(
    { order: ["c", "gone", "c"], hidden: ["b", 7], widths: { a: 1 } },
    all,
    [],
  );
  expect(layout.order).toEqual(["c", "a", "b"]);
  expect(layout.hidden).toEqual(["b"]);
  expect(layout.widths).toEqual({ a: 48 });
  expect(layoutOf("rubbish", all, ["c"]).hidden).toEqual(["c"]);
  expect(moved(layout, "c", "b").order).toEqual(["a", "b", "c"]);
  expect(resized(layout, "b", 99.6).widths.b).toBe(100);
  const one = toggled(toggled(layout, "a"), "c");
  expect(one.hidden).toEqual(["b", "a"]);
});

test("all but some, and some, are the same selection to whoever asks", () => {
  const ids = fc.array(fc.string({ minLength: 1, maxLength: 3 }), { maxLength: 8 });
  fc.assert(
    fc.property(fc.boolean(), ids, ids, (all, first, second) => {
      let chosen = including(all ? ALL : NONE, first, !all);
      chosen = including(chosen, second, all);
      for (const id of second) {
        expect(isChosen(chosen, id)).toBe(all);
        expect(isChosen(toggle(chosen, id), id)).toBe(!all);
      }
      expect(chosenOf(selectionOf(chosen))).toEqual(chosen);
    }),
  );
});

test("a column is sorted one way, the other, and not at all", () => {
  const column = columnOf("duration");
  if (!column) {
    throw new Error("no such column");
  }
  let order: string[] = ["timestamp_ms DESC"];
  const seen: (string | null)[] = [];
  for (let step = 0; step < 3; step++) {
    order = nextOrder(column, order);
    seen.push(sortedBy(column, order));
  }
  expect(seen).toEqual(["descending", "ascending", null]);
  expect(COLUMNS.filter((other) => sortedBy(other, order)).map((other) => other.id)).toEqual([
    "time",
  ]);
});

function row(id: string): TableRow {
  return { id } as TableRow;
}

test("only where the scroll rests is loaded, one page at a time", async () => {
  const asked: number[] = [];
  const waiting: (() => void)[] = [];
  const pages = new Pages(
    (offset) =>
      new Promise((resolve) => {
        asked.push(offset);
        waiting.push(() => resolve([row(`row ${offset}`)]));
      }),
    () => {},
  );
  pages.begin(Array.from({ length: PAGE_ROWS }, (_, place) => row(`first ${place}`)));
  pages.want(0, 20);
  expect(asked).toEqual([]);
  pages.want(5_000, 5_020);
  pages.want(7_000, 7_020);
  pages.want(9_000, 9_020);
  expect(asked).toEqual([5_000]);
  waiting[0]?.();
  await new Promise((done) => setTimeout(done));
  expect(asked).toEqual([5_000, 9_000]);
  expect(pages.at(5_000)?.id).toBe("row 5000");
  expect(pages.at(9_000)).toBeNull();
  // Of a page that came short the rest is gone.
  expect(pages.at(5_001)).toBeUndefined();
  pages.stale();
  expect(pages.at(3)?.id).toBe("first 3");
  // An answer from before the change is not taken.
  waiting[1]?.();
  await new Promise((done) => setTimeout(done));
  expect(pages.at(9_000)).toBeNull();
});

test("a nested model talks through its parent", () => {
  const sent: unknown[] = [];
  const model = new NestedModel({ send: (content) => sent.push(content) }, "k");
  const heard: unknown[] = [];
  model.on("msg:custom", (...values: never[]) => heard.push(values[0]));
  model.on("change:selected_id", () => heard.push(model.get("selected_id")));
  model.begin({ selected_id: "s" });
  model.deliver({ kind: "bundle", hash: "" }, []);
  model.set("selected_id", "t");
  model.save_changes();
  model.send({ kind: "snapshot" });
  expect(heard).toEqual(["s", { kind: "bundle", hash: "" }, "t"]);
  expect(sent).toEqual([
    { kind: "nested", key: "k", content: { kind: "set", values: { selected_id: "t" } } },
    { kind: "nested", key: "k", content: { kind: "snapshot" } },
  ]);
});
