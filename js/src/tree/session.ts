/**
 * What a page knows of one model: its rows, its summary, its requests. All views of the model share
 * it; folds, scroll and the focused line belong to each view.
 */

import { Requests } from "../page/rpc";
import type { Session } from "../page/view";
import type { KernelMessage, Model, RowsMessage, RowTexts, Summary } from "../types";
import { Analysis } from "./analysis";
import { Rows } from "./columns";

/** How long rows may take to come by themselves before the page asks for all of them. */
const SNAPSHOT_AFTER_MS = 400;
/** The kernel gives a sign of life every 5 s; after three missed ones it is said to be silent. */
const SILENT_AFTER_MS = 16_000;
/** Reckoning the tree anew takes at most this share of the time while rows come. */
const ANALYSIS_SHARE = 0.2;

export class TreeSession implements Session {
  rows = new Rows();
  summary: Summary | null = null;
  /** When the last summary came, on the page's own clock: open spans grow from there. */
  heard = performance.now();
  /** Whether rows are missing here that the kernel has been asked for. */
  partial = false;
  requests: Requests;
  #next = -1;
  #analysis: Analysis | null = null;
  #analysed: Rows | null = null;
  #analysedVersion = -1;
  #analysisTook = 0;
  #model: Model;
  #listeners = new Set<() => void>();
  #scheduled = false;
  #timer: ReturnType<typeof setTimeout>;
  #receive = (message: KernelMessage, buffers: DataView[]): void => this.receive(message, buffers);

  constructor(model: Model) {
    this.#model = model;
    this.requests = new Requests(model);
    this.#fromState();
    model.on("msg:custom", this.#receive);
    this.#timer = setTimeout(() => {
      const missing = this.summary === null || this.rows.length < this.summary.spans;
      if (this.#next < 0 && missing) {
        this.#askForAll();
      }
    }, SNAPSHOT_AFTER_MS);
  }

  /** The state holds the first rows: all there is without a kernel or while it is busy. */
  #fromState(): void {
    const summary = this.#model.get("_summary") as (Summary & { rows: number }) | null;
    const columns = this.#model.get("_columns") as DataView | null;
    const texts = this.#model.get("_texts") as string | null;
    if (summary && typeof summary.rows === "number") {
      this.summary = summary;
      if (columns && texts) {
        this.rows.apply({ count: summary.rows }, aligned(columns), JSON.parse(texts) as RowTexts);
      }
    }
  }

  #askForAll(): void {
    this.partial = true;
    this.#model.send({ kind: "snapshot" });
    this.#notify();
  }

  receive(message: KernelMessage, buffers: DataView[]): void {
    if (message.kind === "rows") {
      this.#receiveRows(message, buffers);
    } else if (message.kind === "response") {
      this.requests.answer(message, buffers);
    } else if (message.kind === "changed") {
      this.requests.changed();
    }
  }

  #receiveRows(message: RowsMessage, buffers: DataView[]): void {
    const [columns, texts] = buffers;
    if (message.reset) {
      this.rows = new Rows();
      this.partial = false;
    } else if (message.sequence !== this.#next) {
      // This page joined late: what comes is shown, the rest is asked for once.
      if (!this.partial) {
        this.#askForAll();
      }
    }
    this.#next = message.sequence + 1;
    if (columns && texts) {
      const text = new TextDecoder().decode(texts);
      this.rows.apply(message, aligned(columns), JSON.parse(text) as RowTexts);
    }
    this.summary = message.summary;
    this.heard = performance.now();
    this.#notify();
  }

  /** What follows from the rows as they are now. */
  analysis(): Analysis {
    const { rows } = this;
    if (!this.#analysis || this.#analysed !== rows || this.#analysedVersion !== rows.version) {
      const started = performance.now();
      this.#analysed = rows;
      this.#analysedVersion = rows.version;
      this.#analysis = new Analysis(rows, this.now());
      this.#analysisTook = performance.now() - started;
    }
    return this.#analysis;
  }

  /**
   * Where the trace begins, in nanoseconds since the base of all times here. The base is the first
   * start that was told; a cell's own start is told anew when its code begins to run.
   */
  origin(): number {
    return this.analysis().times.from;
  }

  /** Whether the kernel should have said something by now: it may have died. */
  get silent(): boolean {
    return this.following && performance.now() - this.heard > SILENT_AFTER_MS;
  }

  /** Whether bars of open spans grow. */
  get growing(): boolean {
    return this.following && !this.silent && (this.live || this.analysis().times.open > 0);
  }

  /** "Now" for spans that are open, in nanoseconds since the base of all times here. */
  now(): number {
    if (!this.summary) {
      return 0;
    }
    const since = this.following ? Math.min(performance.now() - this.heard, SILENT_AFTER_MS) : 0;
    return this.summary.now_ns + since * 1e6;
  }

  /** Whether the root runs. */
  get live(): boolean {
    return this.summary?.finished === false;
  }

  /** Whether more spans may come: tasks may outlive their cell. */
  get following(): boolean {
    return this.summary?.live === true;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #notify(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      // A timer and not a frame: frames stop while the output is out of sight.
      setTimeout(() => {
        this.#scheduled = false;
        for (const listener of this.#listeners) {
          listener();
        }
      }, this.#analysisTook / ANALYSIS_SHARE);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#model.off("msg:custom", this.#receive);
    this.#listeners.clear();
    this.requests.close();
  }
}

/** A copy that starts on an 8-byte boundary, as typed arrays demand. */
function aligned(view: DataView): ArrayBuffer {
  const bytes = new Uint8Array(view.byteLength);
  bytes.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return bytes.buffer;
}
