import fc from "fast-check";
import { expect, test } from "vitest";
import { membersOf, nodeAt, plainText, rootOf, stringOf } from "../src/details/jsonIndex";
import {
  type JsonFolds,
  linesOf,
  openAll,
  openAtFirst,
  pythonPath,
  revealed,
  searchJson,
} from "../src/details/jsonRows";

/** Read a value back through the index alone. */
function parsed(text: string, at = 0): unknown {
  const node = nodeAt(text, at);
  if (node.kind === "array" || node.kind === "object") {
    const members = membersOf(text, node, Number.POSITIVE_INFINITY);
    expect(members.length).toBe(node.size);
    return node.kind === "array"
      ? members.map((member) => parsed(text, member.node.start))
      : Object.fromEntries(members.map(({ key, node: inner }) => [key, parsed(text, inner.start)]));
  }
  return JSON.parse(text.slice(node.start, node.end));
}

const json = fc.jsonValue({ maxDepth: 4 });
const spaces = fc.constantFrom(undefined, 1, "\t");

test("every value is found where it is", () => {
  fc.assert(
    fc.property(json, spaces, (value, space) => {
      const text = JSON.stringify(value, null, space);
      const node = rootOf(text);
      expect(node).not.toBeNull();
      // Of keys that are there twice, such as "__proto__", nothing is lost that JSON keeps.
      expect(JSON.stringify(parsed(text))).toBe(JSON.stringify(JSON.parse(text)));
    }),
  );
});

test("any text is read without an error, and a cut one shows its start", () => {
  fc.assert(
    fc.property(json, fc.double({ min: 0, max: 1, noNaN: true }), (value, share) => {
      const whole = JSON.stringify(value);
      const text = whole.slice(0, Math.floor(whole.length * share));
      const root = rootOf(text, true);
      if (root) {
        const folds = { open: openAll(text, root), limits: new Map() };
        for (const line of linesOf(text, root, folds)) {
          expect(line.node.end).toBeLessThanOrEqual(text.length);
          if (line.node.kind === "string") {
            stringOf(text, line.node);
          }
        }
      }
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\ a1-') }), (text) => {
      const root = rootOf(text, true);
      if (root) {
        linesOf(text, root, { open: openAll(text, root), limits: new Map() });
        searchJson(text, root, "a");
      }
    }),
  );
});

test("numbers stay as they were written", () => {
  const text = '{"big":12345678901234567890,"odd":NaN,"tiny":1e-400}';
  const root = nodeAt(text, 0);
  const shown = membersOf(text, root, 9).map(({ node }) => [node.kind, plainText(text, node)]);
  expect(shown).toEqual([
    ["number", "12345678901234567890"],
    ["word", "NaN"],
    ["number", "1e-400"],
  ]);
});

test("what is not one JSON value is a text", () => {
  for (const text of ["", "hello", "{} and more", '{"a": 1', "[1, 2", '"open', "{a: 1} x"]) {
    expect(rootOf(text)).toBeNull();
  }
  expect(rootOf('{"a": [1, {"b": "c', true)?.size).toBe(1);
});

test("a value nested a thousand deep opens level by level", () => {
  const text = "[".repeat(5_000) + "]".repeat(5_000);
  const root = nodeAt(text, 0);
  expect(root.closed).toBe(true);
  const open = openAll(text, root, "", 200);
  const lines = linesOf(text, root, { open, limits: new Map() });
  expect(lines.length).toBeGreaterThan(100);
  expect(openAtFirst(text, root).size).toBeLessThan(40);
});

test("lines list the first members, and say how many there are besides", () => {
  const text = JSON.stringify(Array.from({ length: 1_000 }, (_, index) => index));
  const root = nodeAt(text, 0);
  const lines = linesOf(text, root, { open: new Set([""]), limits: new Map() });
  expect(lines).toHaveLength(52);
  expect(lines.at(-1)).toMatchObject({ more: 950, depth: 1 });
});

test("what is found is opened and can be copied with its way", () => {
  fc.assert(
    fc.property(json, fc.constantFrom("a", "1", " ", "e", '"', "ß"), (value, wanted) => {
      const text = JSON.stringify(value);
      const root = nodeAt(text, 0);
      for (const path of searchJson(text, root, wanted)) {
        const folds: JsonFolds = revealed({ open: new Set(), limits: new Map() }, path);
        const lines = linesOf(text, root, folds);
        const index = lines.findIndex((line) => line.path === path && line.more === 0);
        expect(index).toBeGreaterThanOrEqual(0);
        const { node, key } = lines[index] ?? { node: root, key: null };
        const said = `${typeof key === "string" ? key : ""}\n${plainText(text, node)}`;
        expect(said.toLowerCase()).toContain(wanted);
      }
    }),
  );
});

test("the way to a value is Python", () => {
  const text = '{"messages":[{"content":"x"}]}';
  const root = nodeAt(text, 0);
  const lines = linesOf(text, root, { open: openAll(text, root), limits: new Map() });
  expect(pythonPath(lines, lines.length - 1)).toBe('["messages"][0]["content"]');
});

test("a search looks at keys, at texts with their escapes resolved, and at nothing twice", () => {
  const text = '{"name":"Zoë\\nline","list":[1,{"name":2}],"x":"\\u0041bc"}';
  const root = nodeAt(text, 0);
  expect(searchJson(text, root, "name")).toEqual(["0", "1.1.0"]);
  expect(searchJson(text, root, "abc")).toEqual(["2"]);
  expect(searchJson(text, root, "list")).toEqual(["1"]);
  expect(searchJson(text, root, "\nline")).toEqual(["0"]);
});
