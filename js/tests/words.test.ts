import fc from "fast-check";
import { expect, test } from "vitest";
import { compareWords } from "../src/page/words";

const shown = (before: string, after: string): string =>
  compareWords(before, after)
    .map(({ kind, text }) => ({ same: text, removed: `[-${text}-]`, added: `{+${text}+}` })[kind])
    .join("");

test("only the words that differ are marked", () => {
  expect(shown("the quick fox", "the slow fox")).toBe("the [-quick-]{+slow+} fox");
  expect(shown("a b c", "a c")).toBe("a [-b -]c");
  expect(shown('{"n": 1}', '{"n": 12}')).toBe('{"n": [-1-]{+12+}}');
  expect(shown("", "new")).toBe("{+new+}");
  expect(shown("same", "same")).toBe("same");
});

const text = fc.array(fc.constantFrom("a", "b", "c", " ", "\n", ".", "é"), { maxLength: 60 });

test("both texts can be read from the pieces", () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      const before = a.join("");
      const after = b.join("");
      const pieces = compareWords(before, after);
      const side = (other: string): string =>
        pieces
          .filter(({ kind }) => kind !== other)
          .map((piece) => piece.text)
          .join("");
      expect(side("added")).toBe(before);
      expect(side("removed")).toBe(after);
      expect(pieces.every((piece) => piece.text !== "")).toBe(true);
    }),
  );
});

test("texts that share little are two wholes", () => {
  const many = (offset: number): string =>
    Array.from({ length: 3_000 }, (_, at) => `w${at * 2 + offset}`).join(" ");
  const pieces = compareWords(many(0), many(1));
  expect(pieces.length).toBeLessThan(10);
});
