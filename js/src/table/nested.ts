/**
 * The model of a tree inside a table: it has no connection of its own and talks through the
 * table's, each message in an envelope that names the tree.
 */
import type { KernelMessage, Model, PageMessage } from "../types";

type Callback = (...args: never[]) => void;

export class NestedModel implements Model {
  #key: string;
  #parent: Pick<Model, "send">;
  #values = new Map<string, unknown>();
  #changed = new Map<string, unknown>();
  #listeners = new Map<string, Set<Callback>>();

  constructor(parent: Pick<Model, "send">, key: string) {
    this.#parent = parent;
    this.#key = key;
  }

  get(name: string): unknown {
    return this.#values.get(name) ?? null;
  }

  set(name: string, value: unknown): void {
    this.#values.set(name, value);
    this.#changed.set(name, value);
    this.#tell(`change:${name}`);
  }

  save_changes(): void {
    const values = Object.fromEntries(this.#changed);
    this.#changed.clear();
    this.#send({ kind: "set", values });
  }

  send(content: PageMessage): void {
    this.#send(content);
  }

  on(event: string, callback: Callback): void {
    const known = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, known.add(callback));
  }

  off(event: string, callback: Callback): void {
    this.#listeners.get(event)?.delete(callback);
  }

  /** Take what the kernel says the tree's state begins with. */
  begin(state: Record<string, unknown>): void {
    for (const [name, value] of Object.entries(state)) {
      this.#values.set(name, value);
      this.#tell(`change:${name}`);
    }
  }

  /** Take a message of the kernel for this tree. */
  deliver(content: KernelMessage, buffers: DataView[]): void {
    this.#tell("msg:custom", content, buffers);
  }

  #send(content: object): void {
    this.#parent.send({ kind: "nested", key: this.#key, content });
  }

  #tell(event: string, ...values: unknown[]): void {
    for (const callback of this.#listeners.get(event) ?? []) {
      callback(...(values as never[]));
    }
  }
}
