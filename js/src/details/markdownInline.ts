/** The inside of a Markdown paragraph: emphasis, code, links, images, line breaks. */

export type Inline =
  | { type: "text" | "code"; text: string }
  | { type: "br" }
  | { type: "strong" | "em" | "del"; inner: Inline[] }
  | { type: "link"; href: string; inner: Inline[] }
  | { type: "image"; href: string; text: string };

/** Deeper nesting is the work of an attacker; what is below stays text. */
const MAX_DEPTH = 20;
/** Longer addresses and titles are none: each bracket would be looked after to the end. */
const MAX_ADDRESS = 2_000;
const MAX_TITLE = 500;
const TITLE = /^(?:\s{1,9}(?:"[^"\n]*"|'[^'\n]*'))?\s{0,9}\)/;
const SPECIAL = /[\\`*_~[!\n<h]/g;
const ESCAPED = /[!-/:-@[-`{-~]/;
const ADDRESS = /^(?:https?:\/\/|mailto:)[^\s<>]+/i;
const ENTITY = /&(amp|lt|gt|quot|#39|nbsp);/g;
const ENTITIES: Record<string, string> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  "#39": "'",
  nbsp: "\u00a0",
};
const STYLES: Record<string, "strong" | "em" | "del"> = {
  "**": "strong",
  __: "strong",
  "*": "em",
  _: "em",
  "~~": "del",
};

/** Read a paragraph. */
export function inline(text: string, depth = 0): Inline[] {
  const found: Inline[] = [];
  // Where it is known that a marker is not closed any more: looked for once, not at each opening.
  const unclosed = new Set<string>();
  const pairs = brackets(text);
  let plain = "";
  let at = 0;
  const flush = (): void => {
    if (plain !== "") {
      const said = plain.replace(ENTITY, (_, name: string) => ENTITIES[name] ?? "");
      found.push({ type: "text", text: said });
      plain = "";
    }
  };
  const take = (item: Inline, end: number): void => {
    flush();
    found.push(item);
    at = end;
  };
  while (at < text.length) {
    SPECIAL.lastIndex = at;
    const next = SPECIAL.exec(text)?.index ?? text.length;
    plain += text.slice(at, next);
    at = next;
    if (at >= text.length) {
      break;
    }
    const span =
      depth < MAX_DEPTH
        ? (code(text, at, unclosed) ??
          link(text, at, depth, pairs) ??
          address(text, at) ??
          styled(text, at, depth, unclosed))
        : null;
    if (span) {
      take(span.item, span.end);
    } else if (text[at] === "\n") {
      plain = plain.trimEnd();
      take({ type: "br" }, at + 1);
    } else if (text[at] === "\\" && ESCAPED.test(text[at + 1] ?? "")) {
      plain += text[at + 1];
      at += 2;
    } else {
      plain += text[at];
      at += 1;
    }
  }
  flush();
  return found;
}

interface Found {
  item: Inline;
  end: number;
}

/** The characters from `at` that are the same. */
function run(text: string, at: number): string {
  let end = at + 1;
  while (text[end] === text[at] && end - at < 32) {
    end += 1;
  }
  return text.slice(at, end);
}

function code(text: string, at: number, unclosed: Set<string>): Found | null {
  if (text[at] !== "`" || text[at - 1] === "`") {
    return null;
  }
  const fence = run(text, at);
  if (unclosed.has(fence)) {
    return null;
  }
  const from = at + fence.length;
  let end = text.indexOf(fence, from);
  while (end >= 0 && (text[end + fence.length] === "`" || text[end - 1] === "`")) {
    end = text.indexOf(fence, end + run(text, end).length);
  }
  if (end < 0) {
    unclosed.add(fence);
    return null;
  }
  const inner = text.slice(from, end).replaceAll("\n", " ");
  const padded = inner.startsWith(" ") && inner.endsWith(" ") && inner.trim() !== "";
  return {
    item: { type: "code", text: padded ? inner.slice(1, -1) : inner },
    end: end + fence.length,
  };
}

/** The closing bracket of each opening one, found in one pass. */
function brackets(text: string): Map<number, number> {
  const pairs = new Map<number, number>();
  const open: number[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") {
      at += 1;
    } else if (text[at] === "[") {
      open.push(at);
    } else if (text[at] === "]") {
      const from = open.pop();
      if (from !== undefined) {
        pairs.set(from, at);
      }
    }
  }
  return pairs;
}

/** Where an address ends: at its closing bracket, or at a space before a title. */
function addressEnd(text: string, from: number): number {
  if (text.startsWith("data:", from)) {
    const close = text.indexOf(")", from);
    return close < 0 ? text.length : close;
  }
  const most = Math.min(text.length, from + MAX_ADDRESS);
  let end = from;
  for (let level = 1; end < most; end++) {
    const character = text[end];
    level += character === "(" ? 1 : character === ")" ? -1 : 0;
    if (level === 0 || character === " " || character === "\n") {
      break;
    }
  }
  return end;
}

/** `[text](address "title")`, and the same with a `!` before it. */
function link(text: string, at: number, depth: number, pairs: Map<number, number>): Found | null {
  const isImage = text[at] === "!";
  const open = isImage ? at + 1 : at;
  const close = pairs.get(open);
  if (close === undefined || text[close + 1] !== "(") {
    return null;
  }
  const from = close + 2;
  const end = addressEnd(text, from);
  const href = text.slice(from, end).replace(/^<|>$/g, "");
  const rest = TITLE.exec(text.slice(end, end + MAX_TITLE));
  if (!rest) {
    return null;
  }
  const inner = text.slice(open + 1, close);
  const after = end + rest[0].length;
  return isImage
    ? { item: { type: "image", href, text: inner }, end: after }
    : { item: { type: "link", href, inner: inline(inner, depth + 1) }, end: after };
}

/** An address that stands for itself, with or without angle brackets. */
function address(text: string, at: number): Found | null {
  const bracket = text[at] === "<";
  if (!bracket && (text[at] !== "h" || /\w/.test(text[at - 1] ?? ""))) {
    return null;
  }
  const match = ADDRESS.exec(text.slice(at + (bracket ? 1 : 0), at + 2_000));
  if (!match) {
    return null;
  }
  // A sentence's own point is no part of the address in it.
  const href = bracket ? match[0] : match[0].replace(/[.,;:!?'")\]*_~]+$/, "");
  const end = at + href.length + (bracket ? 2 : 0);
  if (bracket && text[end - 1] !== ">") {
    return null;
  }
  return { item: { type: "link", href, inner: [{ type: "text", text: href }] }, end };
}

function styled(text: string, at: number, depth: number, unclosed: Set<string>): Found | null {
  const character = text[at] ?? "";
  const length = Math.min(2, run(text, at).length);
  const marker = character.repeat(character === "~" ? 2 : length);
  const type = STYLES[marker];
  const after = text[at + marker.length] ?? " ";
  // Within a word an underscore is a letter: snake_case.
  const inWord = character === "_" && /\w/.test(text[at - 1] ?? "");
  if (
    type === undefined ||
    !text.startsWith(marker, at) ||
    unclosed.has(marker) ||
    /\s/.test(after) ||
    inWord
  ) {
    return null;
  }
  const end = closing(text, marker, at + marker.length);
  if (end < 0) {
    unclosed.add(marker);
    return null;
  }
  const inner = inline(text.slice(at + marker.length, end), depth + 1);
  return { item: { type, inner }, end: end + marker.length };
}

function closing(text: string, marker: string, from: number): number {
  const character = marker[0] ?? "";
  for (let end = text.indexOf(marker, from); end >= 0; ) {
    const length = run(text, end).length;
    const before = text[end - 1] ?? " ";
    const after = text[end + length] ?? " ";
    const word = character === "_" && /\w/.test(after);
    if (end > from && !/[\s\\]/.test(before) && !word && length >= marker.length) {
      // Of more markers than wanted the last ones close: **a *b*** and *a **b***.
      if (length === marker.length || length > 2) {
        return end + length - marker.length;
      }
    }
    end = text.indexOf(marker, end + length);
  }
  return -1;
}
