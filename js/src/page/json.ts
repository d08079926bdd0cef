/**
 * JSON text made readable without parsing it: a parse would round integers over 53 bits, and a value
 * that was cut in capture need not be valid. Whatever does not look like JSON stays as it is.
 */

const CLOSING: Record<string, string> = { "{": "}", "[": "]" };
const INDENT = "  ";
/** Short lists and objects stay on one line, as a person would write them. */
const ONE_LINE = 60;

/** End of the string that starts at `at`. */
function stringEnd(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && text[end] !== '"') {
    end += text[end] === "\\" ? 2 : 1;
  }
  return Math.min(end + 1, text.length);
}

/** The bracketed text from `at` if it is short and holds no further brackets. */
function shortGroup(text: string, at: number): string | null {
  const close = CLOSING[text[at] ?? ""];
  let end = at + 1;
  while (end < text.length && end - at < ONE_LINE) {
    const character = text[end];
    if (character === close) {
      return text.slice(at, end + 1);
    }
    if (character === "{" || character === "[") {
      return null;
    }
    end = character === '"' ? stringEnd(text, end) : end + 1;
  }
  return null;
}

/** Indent a JSON text. */
export function pretty(text: string): string {
  const out: string[] = [];
  let depth = 0;
  let at = 0;
  const newline = (): number => out.push(`\n${INDENT.repeat(Math.min(depth, 40))}`);
  while (at < text.length) {
    const character = text[at] ?? "";
    if (character === '"') {
      const end = stringEnd(text, at);
      out.push(text.slice(at, end));
      at = end;
      continue;
    }
    if (character === "{" || character === "[") {
      const group = shortGroup(text, at);
      if (group !== null) {
        out.push(spaced(group));
        at += group.length;
        continue;
      }
      out.push(character);
      depth += 1;
      newline();
    } else if (character === "}" || character === "]") {
      depth = Math.max(0, depth - 1);
      newline();
      out.push(character);
    } else if (character === ",") {
      out.push(",");
      newline();
    } else if (character === ":") {
      out.push(": ");
    } else if (!/\s/.test(character)) {
      out.push(character);
    }
    at += 1;
  }
  return out.join("");
}

/** A short group with a space after each comma and colon outside strings. */
function spaced(group: string): string {
  let out = "";
  for (let at = 0; at < group.length; ) {
    const character = group[at] ?? "";
    if (character === '"') {
      const end = stringEnd(group, at);
      out += group.slice(at, end);
      at = end;
    } else {
      if (!/\s/.test(character)) {
        out += character;
      }
      if (character === "," || character === ":") {
        out += " ";
      }
      at += 1;
    }
  }
  return out;
}

/** The text of a JSON string, or null if the JSON is something else. */
export function stringValue(json: string): string | null {
  if (!json.startsWith('"')) {
    return null;
  }
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "string" ? value : null;
  } catch {
    return null;
  }
}
