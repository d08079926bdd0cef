/**
 * Keeps the keys that are typed in a widget from the notebook, where an "x" would cut the cell.
 *
 * JupyterLab hears of keys when they have come up to the document: here they are stopped. Notebook 7
 * hears of them on their way down, before anybody here does: what has the focus is marked as wanting
 * no shortcuts. The mark is off while Ctrl or Cmd is held, since saving must work from anywhere.
 */
import { belongsToNotebook } from "./keys";

const MARK = "data-lm-suppress-shortcuts";
const HOLDS = ["Control", "Meta"];

export function keepKeys(root: HTMLElement): void {
  root.addEventListener("focusin", ({ target }) => {
    (target as Element).setAttribute(MARK, "true");
  });
  for (const type of ["keydown", "keypress", "keyup"] as const) {
    root.addEventListener(type, (event) => {
      if (HOLDS.includes(event.key)) {
        (event.target as Element).toggleAttribute(MARK, type === "keyup");
      }
      if (!belongsToNotebook(event)) {
        event.stopPropagation();
      }
    });
  }
}
