/**
 * A filter and its pills: the conditions that all must hold, each as a text of the filter language.
 * Only the kernel knows whether a filter is right; here it is taken apart and put together.
 */

export interface Pill {
  text: string;
  /** The parts of a simple condition; without them the pill is an expression of its own. */
  parts: { field: string; operator: string; value: string } | null;
}

const TOKEN =
  /(?:[A-Za-z_][\w.]*)?`(?:[^`]|``)*`|'(?:[^']|'')*'|(?:[A-Za-z_][\w.]*\.)?"(?:[^"]|"")*"|[<>!=]=?|[(),]|\s+|[^\s'"`()<>!=,]+|./gsu;
const SIMPLE =
  /^((?:[A-Za-z_][\w.]*)?(?:`(?:[^`]|``)*`|"(?:[^"]|"")*")|[A-Za-z_][\w.-]*)\s*([<>!=]=?|(?:NOT\s+)?(?:LIKE|ILIKE|RLIKE|MATCH|IN|BETWEEN)\b|IS(?:\s+NOT)?\s+NULL\b)\s*(.*)$/isu;

function tokens(text: string): string[] {
  return text.match(TOKEN) ?? [];
}

/** Cut a text at a word that stands outside of quotes, parentheses and BETWEEN. */
function cut(text: string, word: "AND" | "OR"): string[] {
  const pieces: string[] = [];
  let piece = "";
  let depth = 0;
  let between = false;
  for (const token of tokens(text)) {
    const upper = token.toUpperCase();
    depth += token === "(" ? 1 : token === ")" ? -1 : 0;
    if (depth === 0 && upper === "AND" && between) {
      between = false;
    } else if (depth === 0 && upper === word) {
      pieces.push(piece.trim());
      piece = "";
      continue;
    } else if (depth === 0 && upper === "BETWEEN") {
      between = true;
    }
    piece += token;
  }
  pieces.push(piece.trim());
  return pieces;
}

function pill(text: string): Pill {
  const found = SIMPLE.exec(text);
  const [, field = "", operator = "", value = ""] = found ?? [];
  const whole = found !== null && isOneValue(operator, value);
  const parts = { field, operator: operator.toUpperCase().replace(/\s+/g, " "), value };
  return { text, parts: whole ? parts : null };
}

function isOneValue(operator: string, value: string): boolean {
  const upper = operator.toUpperCase();
  if (upper.startsWith("IS")) {
    return value === "";
  }
  if (upper.endsWith("BETWEEN") || upper.endsWith("IN")) {
    return value !== "";
  }
  return tokens(value).filter((token) => token.trim() !== "").length === 1;
}

/** The pills of a filter; one for the whole of it where an OR binds it together. */
export function split(filter: string): Pill[] {
  const text = filter.trim();
  if (text === "") {
    return [];
  }
  if (cut(text, "OR").length > 1) {
    return [{ text, parts: null }];
  }
  return cut(text, "AND").filter(Boolean).map(pill);
}

/** The filter that pills make. */
export function join(pills: readonly Pill[]): string {
  const several = pills.length > 1;
  return pills
    .map(({ text }) => (several && cut(text, "OR").length > 1 ? `(${text})` : text))
    .join(" AND ");
}

/** A text as the language writes it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A tag's name as the language writes it. */
export function tagField(key: string): string {
  return /^[A-Za-z_][\w.]*$/.test(key) ? `tags.${key}` : `tags.\`${key.replaceAll("`", "``")}\``;
}

export const OPERATORS = [
  "=",
  "!=",
  ">",
  ">=",
  "<",
  "<=",
  "ILIKE",
  "LIKE",
  "NOT ILIKE",
  "RLIKE",
  "MATCH",
  "IN",
  "NOT IN",
  "BETWEEN",
  "IS NULL",
  "IS NOT NULL",
] as const;

/** What a person typed as a value, quoted unless it is a number or quoted already. */
function literal(typed: string): string {
  const text = typed.trim();
  return /^-?\d+(?:\.\d+)?$/.test(text) || /^'(?:[^']|'')*'$/.test(text) ? text : quoted(text);
}

/** Fields whose values are texts also where they look like numbers. */
const TEXT_FIELDS =
  /^(?:tags?\b|metadata\b|name$|state$|session$|user$|trace_id$|span\.(?:name|type|status|model)$)/;

/** A condition from what a person chose and typed. */
export function condition(field: string, operator: string, typed: string): Pill {
  const asText = TEXT_FIELDS.test(field);
  const one = (text: string): string => {
    const value = literal(text);
    return asText && !value.startsWith("'") ? quoted(value) : value;
  };
  let value = "";
  if (operator.endsWith("IN")) {
    const list = typed.trim().replace(/^\(|\)$/g, "");
    value = `(${cutList(list).map(one).join(", ")})`;
  } else if (operator === "BETWEEN") {
    const [low = "", high = ""] = /\sAND\s/i.test(typed) ? typed.split(/\sAND\s/i) : cutList(typed);
    value = `${one(low)} AND ${one(high)}`;
  } else if (/LIKE|MATCH/.test(operator)) {
    const text = literal(typed).startsWith("'") ? literal(typed) : quoted(typed.trim());
    value = text;
  } else if (!operator.startsWith("IS")) {
    value = one(typed);
  }
  const text = `${field} ${operator} ${value}`.trim();
  return { text, parts: { field, operator, value } };
}

/** Cut at commas outside of quotes. */
function cutList(text: string): string[] {
  const items = [""];
  for (const token of tokens(text)) {
    if (token === ",") {
      items.push("");
    } else {
      items[items.length - 1] += token;
    }
  }
  return items.map((item) => item.trim()).filter(Boolean);
}

/** A pill's value as a person typed it. */
export function typedValue(value: string): string {
  const text = /^'((?:[^']|'')*)'$/s.exec(value);
  return text ? (text[1] ?? "").replaceAll("''", "'") : value;
}

/** Pills with one more; the same one is not added twice, and one on a range replaces its like. */
export function withPill(pills: readonly Pill[], added: Pill): Pill[] {
  const kept = pills.filter(
    (other) =>
      other.text !== added.text &&
      !(
        added.parts &&
        other.parts?.field === added.parts.field &&
        other.parts.operator === added.parts.operator &&
        /BETWEEN|[<>]|MATCH/.test(added.parts.operator)
      ),
  );
  return [...kept, added];
}
