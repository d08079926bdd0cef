/** The line above the tree: name, state and figures of the trace, and the tools. */
import type { JSX } from "preact";
import { counted, dollars, duration } from "../page/format";
import { StateIcon } from "../page/kinds";
import type { State, Summary } from "../types";
import { isFiltering } from "./filter";
import { SearchBox, type SearchBoxProps } from "./SearchBox";
import type { TreeSession } from "./session";

export type Menu = "filter" | "view" | null;

export interface HeaderProps extends SearchBoxProps {
  session: TreeSession;
  menu: Menu;
  zoomed: boolean;
  onMenu: (menu: Menu) => void;
  onResetZoom: () => void;
  onNextError: () => void;
  onCompare: () => void;
  onHelp: () => void;
}

export function Header(props: HeaderProps): JSX.Element | null {
  const { session, search, menu } = props;
  const { summary } = session;
  if (!summary) {
    return null;
  }
  const figures = [
    duration((session.growing ? session.now() : session.analysis().times.to) - session.origin()),
    counted(summary.spans, "span"),
    summary.tokens === null ? "" : counted(summary.tokens, "token"),
    dollars(summary.cost),
    summary.model ?? "",
  ].filter(Boolean);
  return (
    <header class="nbt-header">
      <StateIcon state={stateOfTrace(summary, session.growing)} />
      <strong title={summary.trace_id}>{summary.name}</strong>
      {summary.note !== "" && (
        <span class="nbt-badge" title={NOTES[summary.note]}>
          {summary.note}
        </span>
      )}
      <span class="nbt-figures">
        {figures.map((figure) => (
          <span key={figure}>{figure}</span>
        ))}
        {summary.errors > 0 && (
          <button
            type="button"
            class="nbt-button nbt-errors"
            title="Next error (e)"
            onClick={props.onNextError}
          >
            {counted(summary.errors, "error")}
          </button>
        )}
      </span>
      <span class="nbt-tools">
        <SearchBox {...props} />
        <Tool
          label="Filter"
          path="M2 3.5h12L9.5 8.8v4L6.5 11V8.8z"
          on={menu === "filter"}
          marked={isFiltering(search.filter) || search.hiding}
          onClick={() => props.onMenu(menu === "filter" ? null : "filter")}
        />
        <Tool
          label="View"
          path="M2 4.5h4M10 4.5h4M6 3v3h4V3zM2 11.5h6M12 11.5h2M8 10v3h4v-3z"
          on={menu === "view"}
          marked={false}
          onClick={() => props.onMenu(menu === "view" ? null : "view")}
        />
        <button
          type="button"
          class="nbt-button nbt-tool"
          title="Compare with the run before (v)"
          aria-label="Compare with the run before"
          onClick={props.onCompare}
        >
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="M2 5h9M8.5 2.5L11 5 8.5 7.5M14 11H5M7.5 8.5L5 11l2.5 2.5" />
          </svg>
          <span>Compare</span>
        </button>
        {props.zoomed && (
          <button
            type="button"
            class="nbt-button"
            title="The whole time (0)"
            aria-label="The whole time"
            onClick={props.onResetZoom}
          >
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d="M7 3a4 4 0 1 0 0 8a4 4 0 1 0 0-8zM10 10l3.5 3.5M5.2 7h3.6" />
            </svg>
          </button>
        )}
        <button
          type="button"
          class="nbt-button"
          title="Keyboard (?)"
          aria-label="Keyboard"
          onClick={props.onHelp}
        >
          ?
        </button>
      </span>
    </header>
  );
}

const NOTES = {
  interrupted: "The cell was interrupted before it ended",
  recovered: "The process ended before the trace did; this is what was on disk",
};

function stateOfTrace(summary: Summary, growing: boolean): State {
  if (!summary.finished || growing) {
    return growing ? "open" : "incomplete";
  }
  if (summary.note === "recovered" || summary.state === "IN_PROGRESS") {
    return "incomplete";
  }
  return summary.state === "ERROR" ? "error" : "ok";
}

interface ToolProps {
  label: string;
  path: string;
  on: boolean;
  /** Whether it changes what is seen, which must not go unnoticed. */
  marked: boolean;
  onClick: () => void;
}

function Tool({ label, path, on, marked, onClick }: ToolProps): JSX.Element {
  return (
    <button
      type="button"
      class={marked ? "nbt-button nbt-tool nbt-on" : "nbt-button nbt-tool"}
      aria-haspopup="dialog"
      aria-expanded={on}
      aria-label={label}
      title={label}
      onClick={onClick}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={path} />
      </svg>
      <span>{label}</span>
    </button>
  );
}
