/** The line above the table: how many traces there are, and what is shown beside them. */
import type { JSX } from "preact";
import { count } from "../page/format";
import { type Layout, withGroups } from "./layout";
import type { TableSession } from "./session";

export type Popup = "" | "help" | "columns";

export interface TableHeaderProps {
  session: TableSession;
  layout: Layout;
  popup: Popup;
  onLayout: (layout: Layout) => void;
  onPopup: (popup: Popup) => void;
}

export function TableHeader(props: TableHeaderProps): JSX.Element {
  const { session, layout } = props;
  return (
    <div class="nbt-header">
      <strong>Traces</strong>
      <span class="nbt-figures">
        <span>
          {session.total === null
            ? session.searching
              ? "…"
              : `${count(session.lines)}+`
            : count(session.lines)}
        </span>
        {session.searching && <span role="status">searching…</span>}
        {session.busy && (
          <span class="nbt-busy" role="status">
            kernel busy
          </span>
        )}
      </span>
      {session.newer > 0 && (
        <button
          type="button"
          class="nbt-button nbt-main"
          onClick={() => void session.ask("refresh", {})}
        >
          {count(session.newer)} new
        </button>
      )}
      <span class="nbt-tools">
        <button
          type="button"
          class="nbt-button"
          aria-pressed={layout.facets}
          title="Facets (h)"
          onClick={() => props.onLayout({ ...layout, facets: !layout.facets })}
        >
          Facets
        </button>
        <button
          type="button"
          class="nbt-button"
          aria-pressed={layout.groups !== ""}
          title="Groups (b)"
          onClick={() => props.onLayout(withGroups(layout))}
        >
          Groups
        </button>
        <button
          type="button"
          class="nbt-button"
          aria-pressed={layout.charts}
          title="Charts (g)"
          onClick={() => props.onLayout({ ...layout, charts: !layout.charts })}
        >
          Charts
        </button>
        <button
          type="button"
          class="nbt-button"
          aria-expanded={props.popup === "columns"}
          title="Columns (c)"
          onClick={() => props.onPopup("columns")}
        >
          Columns
        </button>
        <button
          type="button"
          class="nbt-button"
          title="Search anew (r)"
          aria-label="Search anew"
          onClick={() => void session.ask("refresh", {})}
        >
          ↻
        </button>
        <button
          type="button"
          class="nbt-button"
          title="Keyboard (?)"
          aria-label="Keyboard"
          onClick={() => props.onPopup("help")}
        >
          ?
        </button>
      </span>
    </div>
  );
}
