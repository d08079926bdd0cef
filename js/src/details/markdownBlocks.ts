/** Markdown as blocks: what people and models write, and nothing that HTML would be needed for. */
import { type Inline, inline } from "./markdownInline";

export type Align = "left" | "center" | "right" | null;

export interface Item {
  checked: boolean | null;
  blocks: Block[];
}

export type Block =
  | { type: "paragraph"; inner: Inline[] }
  | { type: "heading"; level: number; inner: Inline[] }
  | { type: "code"; text: string }
  | { type: "quote"; blocks: Block[] }
  | { type: "list"; ordered: boolean; start: number; tight: boolean; items: Item[] }
  | { type: "table"; align: Align[]; header: Inline[][]; rows: Inline[][][] }
  | { type: "rule" };

const MAX_DEPTH = 20;
/** The line below a table's head is no longer than that; a longer one would take long to test. */
const MAX_DIVIDER = 1_000;
const FENCE = /^ {0,3}(`{3,}|~{3,})[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})(?=\s|$)/;
const RULE = /^ {0,3}(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?:( +)(.*)|$)/;
const DIVIDER = /^ {0,3}\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

/** Read a text. */
export function blocksOf(text: string): Block[] {
  return read(text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), 0);
}

function isBlank(line: string | undefined): boolean {
  return line === undefined || line.trim() === "";
}

/** Whether a line begins something else than a paragraph. */
function begins(line: string): boolean {
  return (
    FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line)
  );
}

function isTable(lines: readonly string[], at: number): boolean {
  const next = lines[at + 1] ?? "";
  const short = next.length <= MAX_DIVIDER;
  return short && (lines[at] ?? "").includes("|") && next.includes("-") && DIVIDER.test(next);
}

function read(lines: readonly string[], depth: number): Block[] {
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? "";
    if (isBlank(line)) {
      at += 1;
      continue;
    }
    const [block, end] =
      depth < MAX_DEPTH
        ? (fenced(lines, at) ??
          single(line, at) ??
          quoted(lines, at, depth) ??
          listed(lines, at, depth) ??
          table(lines, at) ??
          paragraph(lines, at))
        : paragraph(lines, at);
    blocks.push(block);
    at = end;
  }
  return blocks;
}

type Read = [block: Block, end: number];

function fenced(lines: readonly string[], at: number): Read | null {
  const open = FENCE.exec(lines[at] ?? "");
  const fence = open?.[1];
  if (!fence) {
    return null;
  }
  let end = at + 1;
  while (end < lines.length) {
    const line = (lines[end] ?? "").trim();
    if (line.startsWith(fence) && line === (fence[0] ?? "").repeat(line.length)) {
      break;
    }
    end += 1;
  }
  return [{ type: "code", text: lines.slice(at + 1, end).join("\n") }, end + 1];
}

function single(line: string, at: number): Read | null {
  const heading = HEADING.exec(line);
  if (heading?.[1]) {
    let said = line.slice(heading[0].length).trim();
    while (said.endsWith("#")) {
      said = said.slice(0, -1);
    }
    return [{ type: "heading", level: heading[1].length, inner: inline(said.trim()) }, at + 1];
  }
  return RULE.test(line) ? [{ type: "rule" }, at + 1] : null;
}

function quoted(lines: readonly string[], at: number, depth: number): Read | null {
  if (!QUOTE.test(lines[at] ?? "")) {
    return null;
  }
  const inner: string[] = [];
  let end = at;
  while (end < lines.length) {
    const line = lines[end] ?? "";
    // A line without the mark goes on with the paragraph that is quoted.
    if (!QUOTE.test(line) && (isBlank(line) || begins(line))) {
      break;
    }
    inner.push(line.replace(QUOTE, ""));
    end += 1;
  }
  return [{ type: "quote", blocks: read(inner, depth + 1) }, end];
}

function listed(lines: readonly string[], at: number, depth: number): Read | null {
  const first = ITEM.exec(lines[at] ?? "");
  if (!first?.[2]) {
    return null;
  }
  const ordered = /\d/.test(first[2]);
  const kind = ordered ? first[2].slice(-1) : first[2];
  const outer = first[1]?.length ?? 0;
  const items: Item[] = [];
  let tight = true;
  let end = at;
  while (end < lines.length) {
    const match = ITEM.exec(lines[end] ?? "");
    const mark = match?.[2];
    const same = mark && (ordered ? /\d/.test(mark) && mark.endsWith(kind) : mark === kind);
    if (!match || !same || (match[1]?.length ?? 0) > outer + 3 || RULE.test(lines[end] ?? "")) {
      break;
    }
    const gap = match[3]?.length ?? 1;
    const indent = (match[1]?.length ?? 0) + mark.length + (gap > 4 ? 1 : gap);
    const inner = [match[4] ?? ""];
    end += 1;
    while (end < lines.length) {
      const line = lines[end] ?? "";
      const inside = line.length - line.trimStart().length >= Math.min(indent, outer + 2);
      if (isBlank(line)) {
        let next = end + 1;
        while (next < lines.length && isBlank(lines[next])) {
          next += 1;
        }
        const after = lines[next] ?? "";
        const more = after.length - after.trimStart().length >= Math.min(indent, outer + 2);
        tight &&= next >= lines.length || !(more || ITEM.test(after));
        if (!more || next >= lines.length) {
          end = next;
          break;
        }
      } else if (!inside && (begins(line) || isBlank(lines[end - 1]))) {
        break;
      }
      inner.push(
        inside ? line.slice(Math.min(indent, line.length - line.trimStart().length)) : line,
      );
      end += 1;
    }
    const task = /^\[([ xX])\] +/.exec(inner[0] ?? "");
    if (task) {
      inner[0] = (inner[0] ?? "").slice(task[0].length);
    }
    items.push({
      checked: task ? task[1] !== " " : null,
      blocks: read(inner, depth + 1),
    });
  }
  const start = ordered ? Number.parseInt(first[2], 10) : 1;
  return items.length > 0 ? [{ type: "list", ordered, start, tight, items }, end] : null;
}

function cells(line: string): string[] {
  const inner = line
    .trim()
    .replace(/^\|/, "")
    .replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function table(lines: readonly string[], at: number): Read | null {
  if (!isTable(lines, at)) {
    return null;
  }
  const align = cells(lines[at + 1] ?? "").map((cell): Align => {
    const [left, right] = [cell.startsWith(":"), cell.endsWith(":")];
    return left && right ? "center" : right ? "right" : left ? "left" : null;
  });
  const header = cells(lines[at] ?? "").map((cell) => inline(cell));
  const rows: Inline[][][] = [];
  let end = at + 2;
  while (end < lines.length && !isBlank(lines[end]) && !begins(lines[end] ?? "")) {
    const row = cells(lines[end] ?? "").slice(0, header.length);
    rows.push(row.map((cell) => inline(cell)));
    end += 1;
  }
  return [{ type: "table", align, header, rows }, end];
}

function paragraph(lines: readonly string[], at: number): Read {
  let end = at + 1;
  while (end < lines.length && !isBlank(lines[end]) && !begins(lines[end] ?? "")) {
    if (isTable(lines, end)) {
      break;
    }
    end += 1;
  }
  const text = lines
    .slice(at, end)
    .map((line) => line.trimStart())
    .join("\n");
  return [{ type: "paragraph", inner: inline(text.trimEnd()) }, end];
}
