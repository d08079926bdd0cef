/**
 * Requests to the kernel over custom messages.
 *
 * A kernel that runs a cell answers only afterwards, so a request never times out: whoever asks is
 * told after a moment that the kernel is busy, and gets the answer when it comes.
 */
import type { Methods, Model, PageMessage, ResponseMessage } from "../types";

/** From here on a person wonders; said as "kernel busy", which is what it nearly always is. */
const BUSY_AFTER_MS = 700;

interface Waiting {
  resolve: (result: never) => void;
  reject: (error: Error) => void;
  timer: ReturnType<typeof setTimeout>;
}

/** One model's requests. */
export class Requests {
  // Answers reach every page that shows the model: the prefix tells whose they are.
  #prefix = Math.random().toString(36).slice(2);
  #count = 0;
  #waiting = new Map<string, Waiting>();
  #listeners = new Set<() => void>();
  #model: Pick<Model, "send">;

  constructor(model: Pick<Model, "send">) {
    this.#model = model;
  }

  /** Ask the kernel; `busy` is called if the answer takes long. */
  ask<Method extends keyof Methods>(
    method: Method,
    params: Methods[Method]["params"],
    busy: () => void = () => {},
  ): Promise<Methods[Method]["result"]> {
    this.#count += 1;
    const id = `${this.#prefix}-${this.#count}`;
    const message: PageMessage = { kind: "request", id, method, params };
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, timer: setTimeout(busy, BUSY_AFTER_MS) });
      this.#model.send(message);
    });
  }

  /** Take an answer; those of other pages are ignored. */
  answer(message: ResponseMessage, buffers: DataView[]): void {
    const waiting = this.#waiting.get(message.id);
    if (!waiting) {
      return;
    }
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    const buffer = buffers[0];
    if (message.error !== null || !buffer) {
      waiting.reject(new Error(message.error ?? "the kernel sent no answer"));
    } else {
      waiting.resolve(
        (message.binary ? buffer : JSON.parse(new TextDecoder().decode(buffer))) as never,
      );
    }
  }

  /** Hear when something that was asked for is not what it was; returns how to stop. */
  onChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The kernel said that something has changed. */
  changed(): void {
    for (const listener of this.#listeners) {
      listener();
    }
  }

  /** Forget what is under way. */
  close(): void {
    for (const { timer } of this.#waiting.values()) {
      clearTimeout(timer);
    }
    this.#waiting.clear();
    this.#listeners.clear();
  }
}
