/** One line of a comparison: a span of both traces or of one, and what became of it. */
import type { JSX } from "preact";
import { duration } from "../page/format";
import { KindIcon, kindName } from "../page/kinds";
import type { DiffLine, Mark } from "./types";

const MAX_INDENT_LEVELS = 16;
const INDENT_PIXELS = 14;
const SIGNS: Record<Mark, string> = { added: "+", removed: "−", changed: "~", same: "" };

/** What a line says in words, for the note and for screen readers. */
export function notesOf(line: DiffLine): string[] {
  return [
    line.mark === "added" || line.mark === "removed" ? line.mark : "",
    line.changes.length > 0 ? `${line.changes.join(", ")} changed` : "",
    line.moved ? "moved" : "",
    line.speed,
  ].filter(Boolean);
}

function took(side: DiffLine["before"]): string {
  return duration(side?.duration_ns ?? Number.NaN);
}

export interface LineProps {
  id: string;
  line: DiffLine;
  index: number;
  top: number;
  parent: boolean;
  open: boolean;
  active: boolean;
  selected: boolean;
  onToggle: () => void;
  onSelect: () => void;
}

export function Line(props: LineProps): JSX.Element {
  const { line } = props;
  const notes = notesOf(line);
  const classes = ["nbt-row", "nbt-diff-row", `nbt-mark-${line.mark}`];
  if (props.active) {
    classes.push("nbt-active");
  }
  const indent = 4 + Math.min(line.depth, MAX_INDENT_LEVELS) * INDENT_PIXELS;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the grid
    <div
      id={props.id}
      class={classes.join(" ")}
      role="row"
      aria-label={[line.name, kindName(line.kind), ...notes].join(", ")}
      aria-level={line.depth + 1}
      aria-rowindex={props.index + 2}
      aria-selected={props.selected}
      {...(props.parent ? { "aria-expanded": props.open } : {})}
      style={{ transform: `translateY(${props.top}px)` }}
      onClick={props.onSelect}
    >
      <div class="nbt-sign" role="gridcell">
        {SIGNS[line.mark]}
      </div>
      <div class="nbt-name" role="gridcell" style={{ paddingLeft: `${indent}px` }}>
        {props.parent ? (
          // biome-ignore lint/a11y/noStaticElementInteractions: aria-expanded of the row says it, arrow keys do it
          // biome-ignore lint/a11y/useKeyWithClickEvents: arrow keys of the grid do it
          <span
            class={props.open ? "nbt-fold nbt-open" : "nbt-fold"}
            onClick={(event) => {
              event.stopPropagation();
              props.onToggle();
            }}
          >
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d="M6 4l4.5 4L6 12" />
            </svg>
          </span>
        ) : (
          <span class="nbt-fold" />
        )}
        <KindIcon kind={line.kind} />
        <span class="nbt-text" title={line.name}>
          {line.name}
        </span>
      </div>
      <div class="nbt-changes" role="gridcell" title={notes.join(" · ")}>
        {notes.join(" · ")}
      </div>
      <div class="nbt-figure" role="gridcell">
        {took(line.before)}
      </div>
      <div class={`nbt-figure nbt-speed-${line.speed}`} role="gridcell">
        {took(line.after)}
      </div>
    </div>
  );
}
