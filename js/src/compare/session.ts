/** What a page knows of one comparison. The model's state holds its first lines, a message all. */
import { Requests } from "../page/rpc";
import type { Session } from "../page/view";
import type { KernelMessage, Model } from "../types";
import type { DiffData, DiffValues } from "./types";

/** What the view of a comparison needs of wherever it comes from. */
export interface Comparison {
  readonly data: DiffData;
  /** Whether all lines are here; without a kernel they never will be. */
  readonly whole: boolean;
  values(line: number, busy: () => void): Promise<DiffValues>;
  subscribe(listener: () => void): () => void;
}

export class CompareSession implements Session, Comparison {
  readonly live = false;
  data: DiffData;
  whole = false;
  #requests: Requests;
  #model: Model;
  #listeners = new Set<() => void>();
  #receive = (message: KernelMessage, buffers: DataView[]): void => this.receive(message, buffers);

  constructor(model: Model) {
    this.#model = model;
    this.#requests = new Requests(model);
    this.data = JSON.parse(String(model.get("_data"))) as DiffData;
    model.on("msg:custom", this.#receive);
    model.send({ kind: "snapshot" });
  }

  values(line: number, busy: () => void): Promise<DiffValues> {
    return this.#requests.ask("values", { line }, busy);
  }

  receive(message: KernelMessage, buffers: DataView[]): void {
    const [buffer] = buffers;
    if (message.kind === "diff" && buffer) {
      this.data = JSON.parse(new TextDecoder().decode(buffer)) as DiffData;
      this.whole = true;
      for (const listener of this.#listeners) {
        listener();
      }
    } else if (message.kind === "response") {
      this.#requests.answer(message, buffers);
    }
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#model.off("msg:custom", this.#receive);
    this.#listeners.clear();
    this.#requests.close();
  }
}
