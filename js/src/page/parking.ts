/**
 * Keeps a live tree on the screen while its output is cleared and shown again.
 *
 * A cell that calls `clear_output` in a loop takes the tree's view away until the kernel shows it
 * anew. In JupyterLab the drawn nodes are parked in the cell meanwhile, before the outputs (not
 * inside: that is a flex row), and the next view takes them back.
 */

/** A view that nobody takes back by then is gone for good. */
const PARKED_AT_MOST_MS = 5_000;

const parked = new Map<string, { node: HTMLElement; timer: ReturnType<typeof setTimeout> }>();

/** The cell an element is in, as far as the front end has cells that are known here. */
export function cellOf(element: HTMLElement): Element | null {
  return element.isConnected ? element.closest(".jp-Cell") : null;
}

/** Put a view's node beside the outputs of its cell; false where that cannot be. */
export function park(key: string, node: HTMLElement, cell: Element | null): boolean {
  const outputs = cell?.querySelector(":scope > .jp-Cell-outputWrapper");
  if (!cell?.isConnected || !outputs || parked.has(key)) {
    return false;
  }
  node.classList.add("nbt-parked");
  cell.insertBefore(node, outputs);
  const timer = setTimeout(() => unpark(key)?.remove(), PARKED_AT_MOST_MS);
  parked.set(key, { node, timer });
  return true;
}

/** Take a parked node back. */
export function unpark(key: string): HTMLElement | null {
  const entry = parked.get(key);
  if (!entry) {
    return null;
  }
  clearTimeout(entry.timer);
  parked.delete(key);
  entry.node.classList.remove("nbt-parked");
  return entry.node;
}
