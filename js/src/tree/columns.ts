/**
 * The table of a trace's rows: a structure of arrays that takes 100,000 rows in a few milliseconds.
 *
 * The kernel numbers the spans in the order in which it first hears of them, so a row keeps its
 * number while it changes. A number may be mentioned (as a parent) before its row arrives.
 */
import type { RowsMessage, RowTexts } from "../types";

/** State of a row that was mentioned but has not arrived. */
export const ABSENT = 255;
export const OPEN = 0;
export const ERROR = 3;
export const INCOMPLETE = 4;

/** Bytes of one row in the packed buffer: five 8-byte, three 4-byte columns, kind and state. */
export const ROW_BYTES = 5 * 8 + 3 * 4 + 2 + 1;

export interface Preview {
  inputs: string;
  outputs: string;
  error: string;
}

/** Something that happened at a moment of a span. */
export interface SpanEvent {
  time: number;
  name: string;
}

/** The rows known so far. `length` counts the numbers in use, absent rows among them. */
export class Rows {
  length = 0;
  /** Grows with every change; views compare it. */
  version = 0;
  parent = new Int32Array(64).fill(-1);
  start = new Float64Array(64);
  end = new Float64Array(64);
  tokens = new Float64Array(64);
  cost = new Float64Array(64);
  state = new Uint8Array(64).fill(ABSENT);
  ids = new Uint8Array(64 * 8);
  names: string[] = [];
  kinds: string[] = [];
  previews = new Map<number, Preview>();
  events = new Map<number, SpanEvent[]>();
  #found: { id: string; row: number } | null = null;

  #reserve(length: number): void {
    if (length > this.state.length) {
      const capacity = Math.max(length, this.state.length * 2);
      const grown = <T extends { set(from: T): void }>(next: T, old: T): T => {
        next.set(old);
        return next;
      };
      this.parent = grown(new Int32Array(capacity).fill(-1), this.parent);
      this.start = grown(new Float64Array(capacity), this.start);
      this.end = grown(new Float64Array(capacity), this.end);
      this.tokens = grown(new Float64Array(capacity), this.tokens);
      this.cost = grown(new Float64Array(capacity), this.cost);
      this.state = grown(new Uint8Array(capacity).fill(ABSENT), this.state);
      this.ids = grown(new Uint8Array(capacity * 8), this.ids);
    }
    this.length = Math.max(this.length, length);
  }

  /** Take the rows of one message. */
  apply(message: Pick<RowsMessage, "count">, columns: ArrayBuffer, texts: RowTexts): void {
    const { count } = message;
    if (columns.byteLength < count * ROW_BYTES) {
      throw new RangeError(`${count} rows need ${count * ROW_BYTES} bytes`);
    }
    const doubles = (column: number) => new Float64Array(columns, column * 8 * count, count);
    const ids = new Uint8Array(columns, 4 * 8 * count, 8 * count);
    const numbers = new Uint32Array(columns, 5 * 8 * count, count);
    const parents = new Int32Array(columns, (5 * 8 + 4) * count, count);
    const names = new Uint32Array(columns, (5 * 8 + 8) * count, count);
    const kinds = new Uint16Array(columns, (5 * 8 + 12) * count, count);
    const states = new Uint8Array(columns, (5 * 8 + 14) * count, count);
    const [start, end, tokens, cost] = [doubles(0), doubles(1), doubles(2), doubles(3)];
    for (let index = 0; index < count; index++) {
      const row = numbers[index] ?? 0;
      const parent = parents[index] ?? -1;
      this.#reserve(Math.max(row, parent) + 1);
      this.parent[row] = parent;
      this.start[row] = start[index] ?? 0;
      this.end[row] = end[index] ?? Number.NaN;
      this.tokens[row] = tokens[index] ?? Number.NaN;
      this.cost[row] = cost[index] ?? Number.NaN;
      this.state[row] = states[index] ?? 0;
      this.ids.set(ids.subarray(index * 8, index * 8 + 8), row * 8);
      this.names[row] = texts.names[names[index] ?? 0] ?? "";
      this.kinds[row] = texts.kinds[kinds[index] ?? 0] ?? "UNKNOWN";
    }
    for (const [row, inputs, outputs, error] of texts.previews) {
      this.previews.set(row, { inputs, outputs, error });
    }
    this.#takeEvents(texts.events);
    this.version += 1;
  }

  #takeEvents(events: RowTexts["events"]): void {
    const changed = new Map<number, SpanEvent[]>();
    for (const [row, time, name] of events) {
      const list = changed.get(row) ?? [];
      list.push({ time, name });
      changed.set(row, list);
    }
    for (const [row, list] of changed) {
      this.events.set(row, list);
    }
  }

  /** The span id of a row as 16 hex digits. */
  id(row: number): string {
    let text = "";
    for (let index = row * 8; index < row * 8 + 8; index++) {
      text += (this.ids[index] ?? 0).toString(16).padStart(2, "0");
    }
    return text;
  }

  /** The row of a span id, or -1. */
  find(id: string): number {
    if (!/^[0-9a-f]{16}$/.test(id)) {
      return -1;
    }
    // The selection is looked up for each frame.
    if (this.#found?.id === id && this.state[this.#found.row] !== ABSENT) {
      return this.#found.row;
    }
    const words = new BigUint64Array(this.ids.buffer, 0, this.length);
    const wanted = idWord(id);
    for (let row = words.indexOf(wanted); row >= 0; row = words.indexOf(wanted, row + 1)) {
      if (this.state[row] !== ABSENT) {
        this.#found = { id, row };
        return row;
      }
    }
    return -1;
  }

  /** The rows of many span ids; those that are not here are left out. */
  findAll(ids: readonly string[]): Set<number> {
    const wanted = new Set(ids.filter((id) => /^[0-9a-f]{16}$/.test(id)).map(idWord));
    const words = new BigUint64Array(this.ids.buffer, 0, this.length);
    const rows = new Set<number>();
    words.forEach((word, row) => {
      if (wanted.has(word) && this.state[row] !== ABSENT) {
        rows.add(row);
      }
    });
    return rows;
  }
}

/** A span id as the number that its bytes are in this machine's order. */
function idWord(id: string): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${id}`));
  return new BigUint64Array(view.buffer)[0] ?? 0n;
}
