/**
 * What a page knows of one table: its search, its rows, figures, selection and the opened trace.
 * All views of the model share it; scroll and the active cell belong to each view.
 */
import { Requests } from "../page/rpc";
import type { Session } from "../page/view";
import type { KernelMessage, Model } from "../types";
import type { Chosen } from "./chosen";
import { chosenOf, selectionOf } from "./chosen";
import type {
  FacetFigure,
  FigureMessage,
  GroupsFigure,
  GroupsWanted,
  HistogramFigure,
  ListingMessage,
  TableMessage,
  TableMethods,
  TableRow,
  WorkMessage,
} from "./messages";
import { OpenedTrace } from "./openedTrace";
import { Pages } from "./pages";

/** How long the first rows may take to come by themselves before the page asks for them. */
const SNAPSHOT_AFTER_MS = 400;
/** A selection by keys or a drag is told once it rests. */
const TELL_SELECTION_MS = 120;

export class TableSession implements Session {
  version = -1;
  filter = "";
  order: string[] = [];
  /** The exact number of rows, null until it is counted. */
  total: number | null = null;
  pages: Pages;
  facets = new Map<string, FacetFigure>();
  histograms = new Map<string, HistogramFigure>();
  /** Null until they are counted, and while none are wanted. */
  groups: GroupsFigure | null = null;
  chosen: Chosen = { all: false, ids: new Set() };
  opened: OpenedTrace | null = null;
  work: WorkMessage | null = null;
  newer = 0;
  /** What is wrong with the filter that was asked for last, with a caret under the place. */
  fault = "";
  /** Something else that went wrong. */
  trouble = "";
  busy = false;
  searching = false;
  /** Views start at the top again when this changes. */
  begun = 0;
  requests: Requests;
  readonly live = false;
  #model: Model;
  #known = 0;
  #wanted = new Set<string>();
  #groupsWanted: GroupsWanted | null = null;
  #listeners = new Set<() => void>();
  #scheduled = false;
  #timer: ReturnType<typeof setTimeout>;
  #telling: ReturnType<typeof setTimeout> | undefined;
  #receive = (message: KernelMessage, buffers: DataView[]): void => this.receive(message, buffers);

  constructor(model: Model) {
    this.#model = model;
    this.requests = new Requests(model);
    this.pages = new Pages(
      (offset, limit) => this.#loadRows(offset, limit),
      () => this.changed(),
    );
    model.on("msg:custom", this.#receive);
    this.#timer = setTimeout(() => {
      if (this.version < 0) {
        model.send({ kind: "snapshot" });
        this.busy = true;
        this.changed();
      }
    }, SNAPSHOT_AFTER_MS);
  }

  /** How many rows the list has: the exact number, else what is sure so far. */
  get lines(): number {
    return this.total ?? this.#known;
  }

  get chosenCount(): number {
    const { all, ids } = this.chosen;
    return all ? Math.max(0, this.lines - ids.size) : ids.size;
  }

  receive(given: KernelMessage, buffers: DataView[]): void {
    const message = given as unknown as TableMessage | KernelMessage;
    switch (message.kind) {
      case "response":
        this.requests.answer(message, buffers);
        this.busy = false;
        return;
      case "nested":
        if (this.opened?.key === message.key) {
          this.opened.deliver(message.content as KernelMessage, buffers);
        }
        return;
      case "listing":
        this.#begin(message, json(buffers) as TableRow[]);
        break;
      case "figure":
        if (message.version === this.version) {
          this.#figure(message, json(buffers));
        }
        break;
      case "stale":
        if (message.version === this.version) {
          this.pages.stale();
          this.newer = 0;
          this.#countAgain();
        }
        break;
      case "newer":
        this.newer = message.version === this.version ? message.count : this.newer;
        break;
      case "work":
        this.#worked(message);
        break;
      case "selection":
        this.chosen = chosenOf(message);
        break;
      case "open":
        this.openTrace({ id: message.trace_id, place: message.place, row: null });
        break;
      default:
        return;
    }
    this.changed();
  }

  #begin(message: ListingMessage, rows: TableRow[]): void {
    const { opened } = this;
    if (message.version !== this.version) {
      this.begun += 1;
      this.facets.clear();
    }
    const same = message.version === this.version;
    this.version = message.version;
    this.filter = message.filter;
    this.order = message.order_by;
    this.#known = rows.length;
    this.total = message.more ? (same ? this.total : null) : rows.length;
    this.pages.begin(rows);
    this.chosen = chosenOf(message.selection);
    this.newer = 0;
    this.fault = "";
    this.busy = false;
    this.searching = false;
    this.#countAgain();
    if (opened && !same) {
      opened.place = undefined;
      this.ask("place", { version: message.version, trace_id: opened.id }).then((place) => {
        opened.place = place;
        this.changed();
      });
    }
  }

  #figure(message: FigureMessage, value: unknown): void {
    if (message.figure === "total") {
      this.total = (value as { total: number }).total;
    } else if (message.figure === "facet") {
      this.facets.set(message.field, value as FacetFigure);
    } else if (message.figure === "histogram") {
      this.histograms.set(message.field, value as HistogramFigure);
    } else if (message.field === this.#groupsWanted?.by) {
      this.groups = value as GroupsFigure;
    }
  }

  #worked(message: WorkMessage): void {
    this.work = message;
    if (message.finished && message.work === "delete") {
      this.chosen = { all: false, ids: new Set() };
      this.opened?.close();
      this.opened = null;
    }
  }

  // What views ask for

  /** Have figures counted, now and with each search from here on. */
  wantFigures(kind: "facet" | "histogram", fields: readonly string[]): void {
    const added = fields.filter((field) => !this.#wanted.has(`${kind} ${field}`));
    for (const field of added) {
      this.#wanted.add(`${kind} ${field}`);
    }
    if (added.length > 0) {
      this.#count(kind === "facet" ? added : [], kind === "histogram" ? added : []);
    }
  }

  unwantFigures(kind: "facet" | "histogram"): void {
    for (const name of this.#wanted) {
      if (name.startsWith(kind)) {
        this.#wanted.delete(name);
      }
    }
  }

  /** Have groups counted, now and with each search from here on; null for none. */
  wantGroups(wanted: GroupsWanted | null): void {
    if (wanted?.by !== this.#groupsWanted?.by) {
      this.groups = null;
    }
    this.#groupsWanted = wanted;
    this.#count([], [], wanted);
  }

  #countAgain(): void {
    const of = (kind: string): string[] =>
      [...this.#wanted]
        .filter((name) => name.startsWith(kind))
        .map((name) => name.slice(kind.length + 1));
    this.#count(of("facet"), of("histogram"), this.#groupsWanted);
  }

  #count(facets: string[], histograms: string[], groups: GroupsWanted | null = null): void {
    if (this.version >= 0 && (groups || facets.length + histograms.length > 0)) {
      this.ask("figures", { version: this.version, facets, histograms, groups });
    }
  }

  search(filter: string, order: readonly string[] = this.order): void {
    this.searching = true;
    this.changed();
    this.requests
      .ask("query", { filter, order_by: [...order] }, () => this.#isBusy())
      .catch((error: Error) => {
        this.fault = error.message;
        this.searching = false;
        this.changed();
      });
  }

  async #loadRows(offset: number, limit: number): Promise<TableRow[] | null> {
    const { version } = this;
    const params = { version, offset, limit };
    const answer = await this.requests.ask("rows", params, () => this.#isBusy());
    this.#openedIn(answer.rows);
    return answer.version === this.version ? answer.rows : null;
  }

  /** Ask for something whose answer comes as messages, if at all. */
  ask<Method extends keyof TableMethods>(
    method: Method,
    params: TableMethods[Method]["params"],
  ): Promise<TableMethods[Method]["result"] | null> {
    return this.requests
      .ask(method, params as never, () => this.#isBusy())
      .then(
        (answer) => answer as TableMethods[Method]["result"],
        (error: Error) => {
          this.trouble = error.message;
          this.changed();
          return null;
        },
      );
  }

  #isBusy(): void {
    this.busy = true;
    this.changed();
  }

  // Selection

  choose(chosen: Chosen): void {
    this.chosen = chosen;
    this.changed();
    clearTimeout(this.#telling);
    this.#telling = setTimeout(
      () => void this.ask("select", selectionOf(this.chosen)),
      TELL_SELECTION_MS,
    );
  }

  /** The ids of the rows from one place to another, those not loaded included. */
  async idsBetween(from: number, to: number): Promise<string[]> {
    const ids: string[] = [];
    for (let place = from; place <= to; place++) {
      const row = this.pages.at(place);
      if (row === null) {
        const limit = to - from + 1;
        return (await this.ask("range", { version: this.version, offset: from, limit })) ?? [];
      }
      if (row) {
        ids.push(row.id);
      }
    }
    return ids;
  }

  // The opened trace

  openTrace(trace: { id: string; place: number | null; row: TableRow | null } | null): void {
    if (trace !== null && this.opened?.id === trace.id) {
      this.opened.place = trace.place;
    } else {
      this.opened?.close();
      this.opened =
        trace && new OpenedTrace(this.#model, this.requests, trace, () => this.changed());
    }
    this.changed();
  }

  async tag(selection: Chosen, key: string, value: string | null): Promise<void> {
    this.#changedRows(await this.ask("tag", { selection: selectionOf(selection), key, value }));
  }

  /** Take the last change of tags or deletion back. */
  async undo(): Promise<void> {
    this.#changedRows(await this.ask("undo", {}));
  }

  #changedRows(rows: TableRow[] | null): void {
    if (rows !== null) {
      this.trouble = "";
      this.pages.patch(rows);
      this.#openedIn(rows);
    }
    this.changed();
  }

  /** The opened trace may be among rows that have come anew. */
  #openedIn(rows: readonly TableRow[]): void {
    const mine = rows.find((row) => row.id === this.opened?.id);
    if (this.opened && mine) {
      this.opened.row = mine;
    }
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      // A timer and not a frame: frames stop while the output is out of sight.
      setTimeout(() => {
        this.#scheduled = false;
        for (const listener of this.#listeners) {
          listener();
        }
      }, 0);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#telling);
    this.#model.off("msg:custom", this.#receive);
    this.opened?.tree.close();
    this.#listeners.clear();
    this.requests.close();
  }
}

function json(buffers: DataView[]): unknown {
  const buffer = buffers[0];
  return buffer ? JSON.parse(new TextDecoder().decode(buffer)) : null;
}
