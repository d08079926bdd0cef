/** Conversations without their looks: which result belongs to which call, and what is new in one. */
import type { ChatMessage, ChatPart } from "./types";

export interface Pairs {
  /** The result of a call, by the call. */
  results: Map<ChatPart, ChatPart>;
  /** Messages that hold nothing but results shown with their calls. */
  absorbed: Set<ChatMessage>;
}

/** Pair tool calls with their results: by id, else by order and name. */
export function pair(messages: readonly ChatMessage[]): Pairs {
  const calls: ChatPart[] = [];
  const results = new Map<ChatPart, ChatPart>();
  const taken = new Set<ChatPart>();
  for (const message of messages) {
    for (const part of message.parts) {
      if (part.kind === "tool_call") {
        calls.push(part);
      } else if (part.kind === "tool_result") {
        const open = calls.filter((call) => !results.has(call));
        const call =
          open.filter((one) => part.id !== null && one.id === part.id).at(-1) ??
          open.find(
            (one) =>
              (part.id === null || one.id === null) &&
              (part.name === null || one.name === null || part.name === one.name),
          );
        if (call) {
          results.set(call, part);
          taken.add(part);
        }
      }
    }
  }
  const absorbed = new Set(
    messages.filter(
      (message) => message.parts.length > 0 && message.parts.every((part) => taken.has(part)),
    ),
  );
  return { results, absorbed };
}

/** What makes a message the same as another; ids and finish reasons of the sender do not. */
export function fingerprint(message: ChatMessage): string {
  return JSON.stringify([
    message.role,
    message.parts.map((part) => [
      part.kind,
      part.name,
      part.text === null ? null : [part.text.text.slice(0, 2_000), part.text.size],
      part.uri === null ? null : [part.uri.text.slice(0, 200), part.uri.size],
    ]),
  ]);
}

export type Change = "kept" | "answered" | "added" | "removed";

export interface Compared {
  message: ChatMessage;
  change: Change;
}

/** A table larger than this costs more than it tells. */
const MAX_CELLS = 400_000;

/**
 * What a prompt has that the call before it had not: `answered` is that call's own answer, which
 * became part of the prompt. Both are whole conversations; the new call's answer is left out.
 */
export function compareMessages(
  before: readonly ChatMessage[],
  now: readonly ChatMessage[],
): Compared[] {
  const old = before.map((message) => ({ message, mark: fingerprint(message) }));
  const fresh = now
    .filter((message) => !message.answer)
    .map((message) => ({ message, mark: fingerprint(message) }));
  const same = longestCommon(
    old.map((one) => one.mark),
    fresh.map((one) => one.mark),
  );
  const found: Compared[] = [];
  let at = 0;
  let to = 0;
  const until = (oldEnd: number, newEnd: number): void => {
    for (; at < oldEnd; at++) {
      const one = old[at];
      // The answer of the call before is no part of its prompt: it cannot be missing.
      if (one && !one.message.answer) {
        found.push({ message: one.message, change: "removed" });
      }
    }
    for (; to < newEnd; to++) {
      const one = fresh[to];
      if (one) {
        found.push({ message: one.message, change: "added" });
      }
    }
  };
  for (const [oldAt, newAt] of same) {
    until(oldAt, newAt);
    const kept = fresh[newAt];
    if (kept) {
      const change = old[oldAt]?.message.answer ? "answered" : "kept";
      found.push({ message: kept.message, change });
    }
    at = oldAt + 1;
    to = newAt + 1;
  }
  until(old.length, fresh.length);
  return found;
}

/** Pairs of places of a longest common subsequence. */
function longestCommon(a: readonly string[], b: readonly string[]): [number, number][] {
  const start: [number, number][] = [];
  let from = 0;
  while (from < a.length && from < b.length && a[from] === b[from]) {
    start.push([from, from]);
    from += 1;
  }
  const rows = a.length - from;
  const columns = b.length - from;
  if (rows * columns > MAX_CELLS) {
    return start;
  }
  const width = columns + 1;
  const lengths = new Uint32Array((rows + 1) * width);
  for (let row = rows - 1; row >= 0; row--) {
    for (let column = columns - 1; column >= 0; column--) {
      lengths[row * width + column] =
        a[from + row] === b[from + column]
          ? (lengths[(row + 1) * width + column + 1] ?? 0) + 1
          : Math.max(
              lengths[(row + 1) * width + column] ?? 0,
              lengths[row * width + column + 1] ?? 0,
            );
    }
  }
  for (let row = 0, column = 0; row < rows && column < columns; ) {
    if (a[from + row] === b[from + column]) {
      start.push([from + row, from + column]);
      row += 1;
      column += 1;
    } else if (
      (lengths[(row + 1) * width + column] ?? 0) >= (lengths[row * width + column + 1] ?? 0)
    ) {
      row += 1;
    } else {
      column += 1;
    }
  }
  return start;
}

/** A message as JSON text; values that are JSON stay as they are written. */
export function messageJson(message: ChatMessage): string {
  const parts = message.parts.map((part) => {
    const fields = [`"type":${JSON.stringify(part.kind)}`];
    for (const key of ["name", "id", "mime_type"] as const) {
      if (part[key] !== null) {
        fields.push(`"${key}":${JSON.stringify(part[key])}`);
      }
    }
    if (part.text !== null) {
      const whole = part.json && part.text.next === null;
      const key =
        part.kind === "tool_call" ? "arguments" : part.kind === "tool_result" ? "result" : "text";
      fields.push(`"${key}":${whole ? part.text.text : JSON.stringify(part.text.text)}`);
    }
    if (part.uri !== null) {
      fields.push(`"uri":${JSON.stringify(part.uri.text)}`);
    }
    return `{${fields.join(",")}}`;
  });
  const name = message.name === null ? "" : `"name":${JSON.stringify(message.name)},`;
  return `{"role":${JSON.stringify(message.role)},${name}"parts":[${parts.join(",")}]}`;
}

/** The first line of a message, for when it is folded. */
export function firstLine(message: ChatMessage, most = 160): string {
  const text = message.parts.map((part) => part.text?.text ?? `[${part.kind}]`).join(" ");
  const line = text
    .slice(0, most * 4)
    .replace(/\s+/g, " ")
    .trim();
  return line.length > most ? `${line.slice(0, most)}…` : line;
}
