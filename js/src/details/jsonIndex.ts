/**
 * JSON text read without parsing it: where each value begins and ends, and what kind it is.
 *
 * A parse would round integers over 53 bits, refuse NaN and a value that was cut, and hold a second
 * copy of megabytes. Here a value is a range of the text; the members of an object or list are found
 * when somebody opens it. Nothing recurses, so depth is no danger.
 */

export type JsonKind = "object" | "array" | "string" | "number" | "word" | "broken";

export interface JsonNode {
  kind: JsonKind;
  start: number;
  end: number;
  /** Number of direct members of an object or list. */
  size: number;
  /** False where the text ends before the value does. */
  closed: boolean;
}

export interface Member {
  /** Null in a list. */
  key: string | null;
  node: JsonNode;
}

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const NUMBER = /^-?\d[\d.eE+-]*$/;
const WORD = /^(?:true|false|null|NaN|-?Infinity)$/;

function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9;
}

export function skipSpace(text: string, at: number): number {
  let here = at;
  while (here < text.length && isSpace(text.charCodeAt(here))) {
    here += 1;
  }
  return here;
}

/** The quote that closes the string that starts at `at`, -1 if there is none. */
function closingQuote(text: string, at: number): number {
  let from = at + 1;
  while (true) {
    const quote = text.indexOf('"', from);
    if (quote < 0) {
      return -1;
    }
    let before = quote - 1;
    while (before > at && text.charCodeAt(before) === BACKSLASH) {
      before -= 1;
    }
    if ((quote - before) % 2 === 1) {
      return quote;
    }
    from = quote + 1;
  }
}

/** The end of the string that starts at `at`, the text's end if it is not closed. */
export function stringEnd(text: string, at: number): number {
  const quote = closingQuote(text, at);
  return quote < 0 ? text.length : quote + 1;
}

/** The value that starts at `at`; spaces before it are skipped. */
export function nodeAt(text: string, at: number): JsonNode {
  const start = skipSpace(text, at);
  const code = text.charCodeAt(start);
  if (code === QUOTE) {
    const quote = closingQuote(text, start);
    const closed = quote >= 0;
    return { kind: "string", start, end: closed ? quote + 1 : text.length, size: 0, closed };
  }
  if (code === OPEN_LIST || code === OPEN_OBJECT) {
    return container(text, start, code === OPEN_LIST ? "array" : "object");
  }
  let end = start;
  while (end < text.length) {
    const next = text.charCodeAt(end);
    if (next === COMMA || next === CLOSE_LIST || next === CLOSE_OBJECT || isSpace(next)) {
      break;
    }
    end += 1;
  }
  const word = end - start > 400 ? "" : text.slice(start, end);
  const kind = NUMBER.test(word) ? "number" : WORD.test(word) ? "word" : "broken";
  return { kind, start, end, size: 0, closed: true };
}

function container(text: string, start: number, kind: "object" | "array"): JsonNode {
  let depth = 0;
  let commas = 0;
  let empty = true;
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      empty = false;
      at = stringEnd(text, at);
      continue;
    }
    if (code === OPEN_LIST || code === OPEN_OBJECT) {
      empty &&= depth === 0;
      depth += 1;
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) {
      depth -= 1;
      if (depth === 0) {
        return { kind, start, end: at + 1, size: empty ? 0 : commas + 1, closed: true };
      }
    } else if (code === COMMA && depth === 1) {
      commas += 1;
    } else if (!isSpace(code)) {
      empty = false;
    }
    at += 1;
  }
  return { kind, start, end: text.length, size: empty ? 0 : commas + 1, closed: false };
}

/**
 * The value that a whole text is; null where the text is not one JSON value. Of a cut text only the
 * start needs to be one.
 */
export function rootOf(text: string, cut = false): JsonNode | null {
  const node = nodeAt(text, 0);
  if (node.kind === "broken" || node.start === node.end) {
    return null;
  }
  const whole = skipSpace(text, node.end) === text.length && node.closed;
  return whole || cut ? node : null;
}

/** The first members of an object or list. */
export function membersOf(text: string, node: JsonNode, limit: number): Member[] {
  const found: Member[] = [];
  const last = node.closed ? node.end - 1 : node.end;
  let at = skipSpace(text, node.start + 1);
  while (at < last && found.length < limit) {
    let key: string | null = null;
    if (node.kind === "object") {
      const end = text.charCodeAt(at) === QUOTE ? stringEnd(text, at) : at;
      const colon = skipSpace(text, end);
      if (end === at || text.charCodeAt(colon) !== COLON) {
        found.push({ key: "", node: broken(at, last) });
        return found;
      }
      key = stringOf(text, nodeAt(text, at));
      at = skipSpace(text, colon + 1);
      if (at >= last) {
        return found;
      }
    }
    const member = nodeAt(text, at);
    if (member.end === member.start) {
      found.push({ key, node: broken(at, last) });
      return found;
    }
    found.push({ key, node: member });
    at = skipSpace(text, member.end);
    if (at < last && text.charCodeAt(at) !== COMMA) {
      found.push({ key: node.kind === "object" ? "" : null, node: broken(at, last) });
      return found;
    }
    at = skipSpace(text, at + 1);
  }
  return found;
}

function broken(start: number, end: number): JsonNode {
  return { kind: "broken", start, end, size: 0, closed: true };
}

/** What a string says, its escapes resolved; also of one that was cut. */
export function stringOf(text: string, node: JsonNode): string {
  const raw = text.slice(node.start, node.end);
  try {
    return JSON.parse(raw) as string;
  } catch {
    // Cut: what was left of an escape goes with it.
    const inner = (node.closed ? raw.slice(1, -1) : raw.slice(1)).replace(
      /\\(?:u[0-9a-fA-F]{0,3})?$/,
      "",
    );
    try {
      return JSON.parse(`"${inner}"`) as string;
    } catch {
      return inner;
    }
  }
}

/** The text of a value as it is copied: strings without quotes, the rest as it stands. */
export function plainText(text: string, node: JsonNode): string {
  return node.kind === "string" ? stringOf(text, node) : text.slice(node.start, node.end);
}
