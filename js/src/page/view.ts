/** What the host needs to know of one kind of widget: the tree, the table, the comparison. */
import type { JSX } from "preact";
import type { KernelMessage, Model } from "../types";

/** What a page keeps of one model; all views of the model share it. */
export interface Session {
  receive(message: KernelMessage, buffers: DataView[]): void;
  subscribe(listener: () => void): () => void;
  /** Whether a view that is taken away may come back: the cell still runs. */
  readonly live: boolean;
  close(): void;
}

export interface View<S extends Session> {
  /** Begin a session; it listens to the model from here on. */
  open(model: Model): S;
  /**
   * Draw a view; again whenever one of `observed` changes in the model. Not every host tells of a
   * change that the page itself made: whoever sets something calls `redraw`.
   */
  draw(session: S, model: Model, redraw: () => void): JSX.Element;
  readonly observed: readonly string[];
}
