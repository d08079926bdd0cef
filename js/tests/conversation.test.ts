import fc from "fast-check";
import { expect, test } from "vitest";
import {
  compareMessages,
  fingerprint,
  firstLine,
  messageJson,
  pair,
} from "../src/details/conversation";
import { moves, scoreRange, share } from "../src/details/scores";
import { groupFrames, packageOf } from "../src/details/stack";
import type { ChatMessage, ChatPart, DocumentDetails } from "../src/details/types";
import { visible } from "../src/details/visible";

function long(text: string) {
  return { text, size: text.length, place: "", next: null };
}

function part(kind: string, text: string | null, fields: Partial<ChatPart> = {}): ChatPart {
  return {
    kind,
    text: text === null ? null : long(text),
    json: false,
    uri: null,
    mime_type: null,
    name: null,
    id: null,
    ...fields,
  };
}

function message(role: string, text: string, answer = false): ChatMessage {
  return { role, name: null, finish_reason: null, answer, parts: [part("text", text)] };
}

function holding(...parts: ChatPart[]): ChatMessage {
  return { role: "tool", name: null, finish_reason: null, answer: false, parts };
}

test("results are paired with their calls by id, whatever their order", () => {
  const calls = [part("tool_call", "1", { id: "a" }), part("tool_call", "2", { id: "b" })];
  const results = [
    part("tool_result", "two", { id: "b" }),
    part("tool_result", "one", { id: "a" }),
  ];
  const messages = [holding(...calls), ...results.map((one) => holding(one))];
  const { results: pairs, absorbed } = pair(messages);
  expect(calls.map((call) => pairs.get(call)?.text?.text)).toEqual(["one", "two"]);
  expect([...absorbed]).toEqual(messages.slice(1));
});

test("without ids results follow the order, and names are heeded", () => {
  const first = part("tool_call", "1", { name: "search" });
  const second = part("tool_call", "2", { name: "fetch" });
  const fetched = part("tool_result", "page", { name: "fetch" });
  const found = part("tool_result", "hits");
  const { results } = pair([holding(first, second), holding(fetched), holding(found)]);
  expect(results.get(second)).toBe(fetched);
  expect(results.get(first)).toBe(found);
});

test("a result of another call, or before its call, stands alone", () => {
  const early = part("tool_result", "x", { id: "a" });
  const call = part("tool_call", "1", { id: "a" });
  const other = part("tool_result", "y", { id: "b" });
  const { results, absorbed } = pair([holding(early), holding(call), holding(other)]);
  expect(results.size).toBe(0);
  expect(absorbed.size).toBe(0);
});

test("what was added to the prompt is told apart from the answer before", () => {
  const before = [message("system", "s"), message("user", "u"), message("assistant", "a", true)];
  const now = [
    message("system", "s"),
    message("user", "u"),
    message("assistant", "a"),
    message("user", "more"),
    message("assistant", "last", true),
  ];
  expect(compareMessages(before, now).map((one) => one.change)).toEqual([
    "kept",
    "kept",
    "answered",
    "added",
  ]);
});

const texts = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 12 });

test("a comparison holds both prompts, each in its order", () => {
  fc.assert(
    fc.property(texts, texts, (old, fresh) => {
      const before = old.map((text) => message("user", text));
      const now = fresh.map((text) => message("user", text));
      const compared = compareMessages(before, now);
      const said = (changes: string[]) =>
        compared
          .filter((one) => changes.includes(one.change))
          .map((one) => one.message.parts[0]?.text?.text);
      expect(said(["kept", "added"])).toEqual(fresh);
      expect(said(["kept", "removed"])).toEqual(old);
      expect(compareMessages(now, now).every((one) => one.change === "kept")).toBe(true);
    }),
  );
});

test("a message is JSON whatever it holds, numbers as they were written", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.jsonValue(), (role, text, value) => {
      const call = part("tool_call", JSON.stringify(value), { json: true, name: text });
      const one = { ...message(role, text), parts: [part("text", text), call] };
      const read = JSON.parse(messageJson(one));
      expect(read.parts[0].text).toBe(text);
      expect(JSON.stringify(read.parts[1].arguments)).toBe(JSON.stringify(value));
      expect(fingerprint(one)).toBe(fingerprint({ ...one, finish_reason: "stop" }));
    }),
  );
  const big = part("tool_call", '{"n":12345678901234567890}', { json: true });
  expect(messageJson(holding(big))).toContain("12345678901234567890");
  expect(firstLine(message("system", "one\n  two"))).toBe("one two");
});

test("frames are told from the innermost, those of libraries together", () => {
  const frame = (file: string, own: boolean) => ({ file, line: 1, function: "", code: "", own });
  const frames = [
    frame("work.py", true),
    frame("/x/lib/python3.12/site-packages/openai/a.py", false),
    frame("/x/lib/python3.12/site-packages/httpx/b.py", false),
    frame("call.py", true),
  ];
  const groups = groupFrames(frames, true);
  expect(groups.map((group) => [group.own, group.frames.length])).toEqual([
    [true, 1],
    [false, 2],
    [true, 1],
  ]);
  expect(groups[1]?.where).toBe("httpx, openai");
  expect(packageOf("/usr/lib/python3.12/json/decoder.py")).toBe("Python");
  expect(groupFrames(frames.slice(1, 3), false).map((group) => group.own)).toEqual([true]);
});

function document(id: string | null, score: number | null): DocumentDetails {
  return { id, score, content: long(`text of ${id}`), metadata: null };
}

test("scores fill their bars between 0 and 1", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.double({ noNaN: true }), { nil: null })), (scores) => {
      const documents = scores.map((score) => document("d", score));
      const range = scoreRange(documents);
      for (const score of scores) {
        const width = share(score, range);
        expect(width === null || (width >= 0 && width <= 1)).toBe(true);
      }
    }),
  );
  expect(share(0.5, scoreRange([document("a", 0.5), document("b", 0.25)]))).toBe(0.5);
  expect(share(3, scoreRange([document("a", 3)]))).toBe(1);
});

test("a reranker's documents know their rank before", () => {
  const before = [document("a", null), document(null, null), document("c", null)];
  const after = [document("c", 1), document("a", 0.5)];
  expect([...moves(before, after)]).toEqual([
    ["id:a", 1],
    ["id:c", 3],
  ]);
});

test("characters that hide or turn a text are seen", () => {
  expect(visible("a\u202eb\u0007\u001b[31m\tc\n\u{1F468}\u200d\u{1F469}")).toBe(
    "a⟨202E⟩b␇␛[31m\tc\n\u{1F468}\u200d\u{1F469}",
  );
});
