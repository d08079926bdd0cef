/** A model without a kernel: it holds a state, and answers requests from what the page carries. */
import type { KernelMessage, Model, PageMessage } from "../types";

/** What the page carries: the mirror of `nbtrace/widgets/page.py`. */
export interface Packed {
  state: Record<string, unknown>;
  /** Messages of the kernel with their buffers in base64. */
  messages: [KernelMessage, string[]][];
  /** JSON text by method and parameters, or the key of the answer that is the same. */
  answers: Record<string, string | [string]>;
}

type Listener = (...args: never[]) => void;

/** Bytes of a base64 text. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) {
    bytes[at] = binary.charCodeAt(at);
  }
  return bytes;
}

/** The text that was gzipped and written as base64. */
export async function unpack(base64: string): Promise<string> {
  const stream = new Blob([bytesOf(base64.trim())])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

export class OfflineModel implements Model {
  #data: Packed;
  #state: Map<string, unknown>;
  #listeners = new Map<string, Set<Listener>>();

  constructor(data: Packed) {
    this.#data = data;
    this.#state = new Map(Object.entries(data.state));
  }

  /** What the kernel would have sent before the page was there. */
  waiting(): [KernelMessage, DataView[]][] {
    return this.#data.messages.map(([message, buffers]) => [
      message,
      buffers.map((buffer) => new DataView(bytesOf(buffer).buffer)),
    ]);
  }

  get(key: string): unknown {
    return this.#state.get(key);
  }

  set(key: string, value: unknown): void {
    if (this.#state.get(key) !== value) {
      this.#state.set(key, value);
      this.#emit(`change:${key}`);
    }
  }

  save_changes(): void {
    // There is nobody to tell.
  }

  on(event: string, callback: Listener): void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(callback));
  }

  off(event: string, callback: Listener): void {
    this.#listeners.get(event)?.delete(callback);
  }

  send(content: PageMessage): void {
    if (content.kind !== "request") {
      return;
    }
    const { id, method, params } = content;
    const { answers } = this.#data;
    const answer = answers[`${method}${JSON.stringify(Object.values(params))}`];
    const found = typeof answer === "object" ? (answers[answer[0]] as string) : answer;
    const error =
      found === undefined ? "This page has no kernel: open the trace with nbtrace." : null;
    const binary = method === "attachment";
    const bytes = binary ? bytesOf(found ?? "") : new TextEncoder().encode(found);
    const buffers = [new DataView(bytes.buffer)];
    // As a message would: not before the caller has its promise.
    queueMicrotask(() =>
      this.#emit("msg:custom", { kind: "response", id, error, binary }, buffers),
    );
  }

  #emit(event: string, ...args: unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      (listener as (...args: unknown[]) => void)(...args);
    }
  }
}
