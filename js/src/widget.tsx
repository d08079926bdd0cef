/**
 * The anywidget module: sessions by model, views by element.
 *
 * It is reached in two ways: through the loader, which calls `connect` and then `render`, and as a
 * model's own `_esm` (marimo), whose host calls `initialize` and `render`.
 */
import { render as draw } from "preact";
import { belongsToNotebook } from "./keys";
import { cellOf, park, unpark } from "./parking";
import { SpanTree } from "./SpanTree";
import { Session } from "./session";
import styles from "./styles.css";
import type { KernelMessage, Model } from "./types";

/** A front end may hand another wrapper of the same model to each call: the key is in its state. */
const sessions = new Map<string, Session>();

export function connect(model: Model, waiting: [KernelMessage, DataView[]][]): () => void {
  const key = String(model.get("_key"));
  const session = new Session(model);
  sessions.set(key, session);
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

/** Keys typed in the tree are the tree's: in JupyterLab an "x" would cut the cell. */
function keepKeys(element: HTMLElement): void {
  for (const type of ["keydown", "keypress", "keyup"] as const) {
    element.addEventListener(type, (event) => {
      if (!belongsToNotebook(event)) {
        event.stopPropagation();
      }
    });
  }
}

/** Elsewhere than in Jupyter no style sheet can tell the static tree that its live twin is there. */
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
  style.textContent = `${styles}
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
  const session = sessions.get(key) ?? new Session(model);
  sessions.set(key, session);
  const taken = unpark(key);
  const root = taken ?? node(key, String(model.get("theme")));
  el.append(root);
  let cell = cellOf(el);
  const place = root.lastElementChild as HTMLElement;
  const select = (spanId: string): void => {
    model.set("selected_id", spanId);
    model.save_changes();
    update();
  };
  const update = (): void => {
    cell = cellOf(el) ?? cell;
    draw(
      <SpanTree
        session={session}
        selectedId={String(model.get("selected_id") ?? "")}
        onSelect={select}
      />,
      place,
    );
  };
  update();
  hideTwin(key, true);
  model.on("change:selected_id", update);
  const forget = session.subscribe(() => {
    cell = cellOf(el) ?? cell;
  });
  return () => {
    model.off("change:selected_id", update);
    forget();
    hideTwin(key, false);
    const live = session.summary?.finished === false;
    if (!live || !park(key, root, cell)) {
      draw(null, place);
      root.remove();
    }
  };
}

export default { initialize, render };
