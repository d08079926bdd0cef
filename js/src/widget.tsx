/**
 * The anywidget module: sessions by model, views by element. What is drawn is said by the model's
 * `_view`.
 *
 * It is reached in two ways: through the loader, which calls `connect` and then `render`, and as a
 * model's own `_esm` (marimo), whose host calls `initialize` and `render`.
 */
import { render as draw } from "preact";
import aggregate from "./aggregate/aggregate.css";
import compare from "./compare/compare.css";
import { compareView } from "./compare/view";
import chat from "./details/chat.css";
import controls from "./details/controls.css";
import details from "./details/details.css";
import values from "./details/values.css";
import base from "./page/base.css";
import { keepKeys } from "./page/keepKeys";
import { cellOf, park, unpark } from "./page/parking";
import type { Session, View } from "./page/view";
import panels from "./table/panels.css";
import table from "./table/table.css";
import { tableView } from "./table/view";
import treeTools from "./tree/tools.css";
import tree from "./tree/tree.css";
import { treeView } from "./tree/view";
import type { KernelMessage, Model } from "./types";

const STYLES = [
  base,
  tree,
  treeTools,
  details,
  controls,
  values,
  chat,
  aggregate,
  compare,
  panels,
  table,
].join("\n");

/** By the names that `_view` has in Python. */
const VIEWS: Record<string, View<Session>> = {
  compare: compareView as View<Session>,
  tree: treeView as View<Session>,
  table: tableView as View<Session>,
};

/** A front end may hand another wrapper of the same model to each call: the key is in its state. */
const sessions = new Map<string, Session>();

function viewOf(model: Model): View<Session> {
  const name = String(model.get("_view"));
  const view = VIEWS[name];
  if (!view) {
    throw new Error(`nbtrace has no view ${name}: reload the page to match the kernel`);
  }
  return view;
}

function open(model: Model): Session {
  const key = String(model.get("_key"));
  const session = viewOf(model).open(model);
  sessions.set(key, session);
  return session;
}

export function connect(model: Model, waiting: [KernelMessage, DataView[]][]): () => void {
  const key = String(model.get("_key"));
  const session = open(model);
  for (const [message, buffers] of waiting) {
    session.receive(message, buffers);
  }
  return () => {
    session.close();
    if (sessions.get(key) === session) {
      sessions.delete(key);
    }
  };
}

function initialize({ model, signal }: { model: Model; signal?: AbortSignal }): undefined {
  const close = connect(model, []);
  signal?.addEventListener("abort", close);
}

/** Elsewhere than in Jupyter no style sheet can tell the static twin that its live one is there. */
function hideTwin(key: string, hidden: boolean): void {
  for (const twin of document.querySelectorAll<HTMLElement>(`[class~="nbtrace-static-${key}"]`)) {
    if (!twin.closest(".jp-OutputArea-child")) {
      twin.style.display = hidden ? "none" : "";
    }
  }
}

function node(key: string, theme: string): HTMLElement {
  const root = document.createElement("div");
  root.className = `nbt nbt-${key}`;
  root.dataset.theme = theme;
  const style = document.createElement("style");
  style.textContent = `${STYLES}
.jp-Cell:has(> .nbt-parked.nbt-${key}) .nbtrace-static-${key}{display:none}`;
  const place = document.createElement("div");
  root.append(style, place);
  keepKeys(root);
  return root;
}

interface Context {
  model: Model;
  el: HTMLElement;
  signal?: AbortSignal;
}

function render({ model, el }: Context): () => void {
  const key = String(model.get("_key"));
  const view = viewOf(model);
  const session = sessions.get(key) ?? open(model);
  const taken = unpark(key);
  const root = taken ?? node(key, String(model.get("theme")));
  el.append(root);
  let cell = cellOf(el);
  const place = root.lastElementChild as HTMLElement;
  const update = (): void => {
    cell = cellOf(el) ?? cell;
    draw(view.draw(session, model, update), place);
  };
  update();
  hideTwin(key, true);
  for (const name of view.observed) {
    model.on(`change:${name}`, update);
  }
  const forget = session.subscribe(() => {
    cell = cellOf(el) ?? cell;
  });
  return () => {
    for (const name of view.observed) {
      model.off(`change:${name}`, update);
    }
    forget();
    hideTwin(key, false);
    if (!session.live || !park(key, root, cell)) {
      draw(null, place);
      root.remove();
    }
  };
}

export default { initialize, render };
