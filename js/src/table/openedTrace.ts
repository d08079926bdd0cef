/** A trace that a table has opened: its tree, and how it came here. */
import type { Requests } from "../page/rpc";
import type { TreeSession } from "../tree/session";
import { treeView } from "../tree/view";
import type { KernelMessage, Model } from "../types";
import type { TableRow } from "./messages";
import { NestedModel } from "./nested";

let opened = 0;

export class OpenedTrace {
  readonly key = `${Math.random().toString(36).slice(2)}-${++opened}`;
  readonly id: string;
  /** Its place in the search; null when it is not there, undefined until that is known. */
  place: number | null | undefined;
  row: TableRow | null;
  error = "";
  model: NestedModel;
  tree: TreeSession;
  #requests: Requests;

  constructor(
    parent: Pick<Model, "send">,
    requests: Requests,
    trace: { id: string; place: number | null; row: TableRow | null },
    changed: () => void,
  ) {
    this.id = trace.id;
    this.place = trace.place;
    this.row = trace.row;
    this.#requests = requests;
    this.model = new NestedModel(parent, this.key);
    this.tree = treeView.open(this.model);
    requests.ask("open_trace", { key: this.key, trace_id: trace.id }).then(
      ({ state, row }) => {
        this.row = row;
        this.model.begin(state);
        changed();
      },
      (error: Error) => {
        this.error = error.message;
        changed();
      },
    );
  }

  deliver(content: KernelMessage, buffers: DataView[]): void {
    this.model.deliver(content, buffers);
  }

  close(): void {
    this.tree.close();
    void this.#requests.ask("close_trace", { key: this.key }).catch(() => {});
  }
}
