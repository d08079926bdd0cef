/** How a person arranged the table: columns, their widths, what is shown beside them. */

export interface Layout {
  order: string[];
  hidden: string[];
  widths: Record<string, number>;
  charts: boolean;
  facets: boolean;
  /** By what traces are grouped, empty for no groups. */
  groups: string;
}

export const MIN_WIDTH = 48;
const MAX_WIDTH = 1_200;

/** A layout from what was kept, which another version may have written. */
export function layoutOf(kept: unknown, all: readonly string[], hidden: readonly string[]): Layout {
  const found = (typeof kept === "object" && kept !== null ? kept : {}) as Partial<Layout>;
  const known = (list: unknown): string[] | null =>
    Array.isArray(list) ? [...new Set(list.filter((item) => all.includes(item as string)))] : null;
  const order = known(found.order) ?? [];
  const widths: Record<string, number> = {};
  for (const [id, width] of Object.entries(found.widths ?? {})) {
    if (all.includes(id) && typeof width === "number") {
      widths[id] = bounded(width);
    }
  }
  return {
    order: [...order, ...all.filter((id) => !order.includes(id))],
    hidden: known(found.hidden) ?? [...hidden],
    widths,
    charts: found.charts !== false,
    facets: found.facets === true,
    groups: typeof found.groups === "string" ? found.groups : "",
  };
}

function bounded(width: number): number {
  return Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, Math.round(width)));
}

export function resized(layout: Layout, id: string, width: number): Layout {
  return { ...layout, widths: { ...layout.widths, [id]: bounded(width) } };
}

export function toggled(layout: Layout, id: string): Layout {
  const hidden = layout.hidden.includes(id)
    ? layout.hidden.filter((other) => other !== id)
    : [...layout.hidden, id];
  // A table without columns could not be given any again by the keyboard.
  return hidden.length === layout.order.length ? layout : { ...layout, hidden };
}

/** Put a column where another one stands. */
export function moved(layout: Layout, id: string, target: string): Layout {
  const from = layout.order.indexOf(id);
  const to = layout.order.indexOf(target);
  if (from < 0 || to < 0 || from === to) {
    return layout;
  }
  const order = layout.order.filter((other) => other !== id);
  order.splice(to, 0, id);
  return { ...layout, order };
}

/** With groups shown, or not. */
export function withGroups(layout: Layout): Layout {
  return { ...layout, groups: layout.groups === "" ? "name" : "" };
}
