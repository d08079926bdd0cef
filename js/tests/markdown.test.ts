import fc from "fast-check";
import { expect, test } from "vitest";
import { type Block, blocksOf } from "../src/details/markdownBlocks";
import { type Inline, inline } from "../src/details/markdownInline";
import { isAudio, isImage, isLink } from "../src/details/media";

/** The plain text in some inlines. */
function said(found: readonly Inline[]): string {
  return found
    .map((item) => (item.type === "br" ? "\n" : "inner" in item ? said(item.inner) : item.text))
    .join("");
}

function first<Type extends Block["type"]>(
  text: string,
  type: Type,
): Extract<Block, { type: Type }> {
  const block = blocksOf(text)[0];
  expect(block?.type).toBe(type);
  return block as Extract<Block, { type: Type }>;
}

test("paragraphs keep their single new lines", () => {
  expect(inline("one\ntwo").map((item) => item.type)).toEqual(["text", "br", "text"]);
  expect(blocksOf("one\n\ntwo")).toHaveLength(2);
});

test("emphasis, code and links", () => {
  const kinds = (text: string) => inline(text).map((item) => item.type);
  expect(kinds("a **b** *c* `d` ~~e~~")).toEqual([
    "text",
    "strong",
    "text",
    "em",
    "text",
    "code",
    "text",
    "del",
  ]);
  expect(kinds("snake_case_name 2 * 3 * 4")).toEqual(["text"]);
  expect(kinds("***both***")).toEqual(["strong"]);
  expect(inline('[a **b**](https://x.org/a_(b) "t")')[0]).toMatchObject({
    type: "link",
    href: "https://x.org/a_(b)",
  });
  expect(inline("see https://x.org/a.").at(1)).toMatchObject({ href: "https://x.org/a" });
  expect(inline("<https://x.org>")[0]).toMatchObject({ href: "https://x.org" });
  expect(inline("![alt](data:image/png;base64,AA==)")[0]).toMatchObject({ type: "image" });
  expect(said(inline("\\*no\\* &lt;b&gt; <b>"))).toBe("*no* <b> <b>");
  expect(inline("`` a`b ``")[0]).toEqual({ type: "code", text: "a`b" });
});

test("headings, rules, quotes and code", () => {
  expect(first("## Title ##", "heading")).toMatchObject({ level: 2 });
  expect(said(first("# a # b", "heading").inner)).toBe("a # b");
  expect(blocksOf("#no")[0]?.type).toBe("paragraph");
  expect(first("---", "rule").type).toBe("rule");
  expect(first("> a\nb\n> - c", "quote").blocks.map((block) => block.type)).toEqual([
    "paragraph",
    "list",
  ]);
  expect(first("```python\nx = 1\n\n# y\n```\nafter", "code").text).toBe("x = 1\n\n# y");
  expect(first("```\nnever closed", "code").text).toBe("never closed");
});

test("lists nest, go on over lines, and keep their numbers", () => {
  const list = first("3. one\n   more\n4. two\n   - inner\n   - other\n", "list");
  expect(list).toMatchObject({ ordered: true, start: 3, tight: true });
  expect(list.items).toHaveLength(2);
  expect(list.items[1]?.blocks.map((block) => block.type)).toEqual(["paragraph", "list"]);
  expect(first("- a\n\n- b", "list")).toMatchObject({ tight: false });
  expect(first("- [x] done\n- [ ] open", "list").items.map((item) => item.checked)).toEqual([
    true,
    false,
  ]);
  expect(blocksOf("- a\n\ntext").map((block) => block.type)).toEqual(["list", "paragraph"]);
  const code = first("- a\n\n  ```\n  x\n  ```\n", "list").items[0]?.blocks[1];
  expect(code).toEqual({ type: "code", text: "x" });
});

test("tables", () => {
  const table = first("| a | b |\n|:--|--:|\n| 1 | `x\\|y` |\n| 2 |\n\nafter", "table");
  expect(table.align).toEqual(["left", "right"]);
  expect(table.rows.map((row) => row.map(said))).toEqual([["1", "x|y"], ["2"]]);
});

test("any text is read, and none of its letters is lost", () => {
  const unit = fc.constantFrom(..."*_`~[]()<>!#|>-+1. \n\\ab");
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 200 }), (text) => {
      const letters = (value: unknown): string =>
        JSON.stringify(value, (key, inner) =>
          ["type", "align"].includes(key) ? undefined : inner,
        ).replace(/"[a-z]+":|[^ab]/g, "");
      const count = (value: string): number => value.length;
      const kept = letters(blocksOf(text));
      const there = text
        // What stands after the marks of a code fence names its language.
        .replace(/^.*(?:```|~~~).*$/gm, "")
        .replace(/[^ab]/g, "");
      expect(count(kept)).toBeGreaterThanOrEqual(count(there) - 8);
    }),
  );
});

test("texts made to be slow are not", () => {
  const hostile = [
    "*a ".repeat(30_000),
    "**a **b".repeat(14_000),
    "[".repeat(100_000),
    "![](".repeat(25_000),
    "`a ``b ".repeat(14_000),
    `# ${" ".repeat(50_000)}x`,
    `a|b\n-${" ".repeat(50_000)}x`,
    "> ".repeat(50_000),
    `${"- ".repeat(50_000)}x`,
    `a${" ".repeat(50_000)}x\n`,
    "_".repeat(100_000),
    "| ".repeat(50_000),
    "- a\n".repeat(25_000),
  ];
  for (const text of hostile) {
    expect(blocksOf(text).length).toBeGreaterThan(0);
  }
});

test("only what cannot run is opened or shown", () => {
  expect(isLink("https://example.org/a?b=c#d")).toBe(true);
  expect(isLink("mailto:ada@example.org")).toBe(true);
  const bad = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "//example.org",
    "/lab/tree",
    "#top",
    "file:///etc/passwd",
    "https://example.org/\u202egnp.exe",
    "https://exa\u0000mple.org",
  ];
  for (const address of bad) {
    expect(isLink(address)).toBe(false);
  }
  expect(isImage("data:image/png;base64,iVBORw0KGgo=")).toBe(true);
  expect(isImage("data:image/svg+xml;base64,PHN2Zz4=")).toBe(false);
  expect(isImage('data:image/png;base64,AA"onerror="x')).toBe(false);
  expect(isImage("https://example.org/a.png")).toBe(false);
  expect(isAudio("data:audio/wav;base64,AA==")).toBe(true);
  expect(isAudio("data:text/html;base64,AA==")).toBe(false);
});
