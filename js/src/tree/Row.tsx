/** One line of the tree: fold button, kind, name, state, figures, time bar. */
import type { JSX } from "preact";
import { count, duration } from "../page/format";
import { KindIcon, kindColour, kindName, StateIcon, stateOf, stateWords } from "../page/kinds";
import type { Rows } from "./columns";
import type { Line } from "./tree";

/** Deeper levels are not indented further: the name must stay on the screen. */
const MAX_INDENT_LEVELS = 16;
const INDENT_PIXELS = 14;

export interface RowProps {
  id: string;
  rows: Rows;
  line: Line;
  index: number;
  top: number;
  /** End of the time axis in nanoseconds, and where it starts. */
  axis: { from: number; length: number };
  now: number;
  active: boolean;
  selected: boolean;
  showTokens: boolean;
  onToggle: (line: Line) => void;
  onSelect: (index: number) => void;
}

export function Row(props: RowProps): JSX.Element {
  const { rows, line, index, axis } = props;
  const { row } = line;
  const kind = rows.kinds[row] ?? "UNKNOWN";
  const name = rows.names[row] ?? "";
  const state = stateOf(rows.state[row]);
  const start = rows.start[row] ?? 0;
  const stored = rows.end[row] ?? Number.NaN;
  const end = Number.isNaN(stored) ? props.now : stored;
  const left = percent((start - axis.from) / axis.length);
  const width = percent((end - start) / axis.length);
  const tokens = count(rows.tokens[row]);
  const error = rows.previews.get(row)?.error;
  const label = `${name}, ${kindName(kind)}, ${stateWords(state)}, ${duration(end - start)}`;
  const classes = ["nbt-row", `nbt-is-${state}`];
  if (props.active) {
    classes.push("nbt-active");
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the grid
    <div
      id={props.id}
      class={classes.join(" ")}
      role="row"
      aria-label={label}
      aria-level={line.depth + 1}
      aria-posinset={line.position}
      aria-setsize={line.siblings}
      aria-rowindex={index + 2}
      aria-selected={props.selected}
      {...(line.children > 0 ? { "aria-expanded": line.open } : {})}
      style={{ transform: `translateY(${props.top}px)` }}
      onClick={() => props.onSelect(index)}
      data-row={row}
    >
      <div
        class="nbt-name"
        role="gridcell"
        title={error ? `${name}: ${error}` : name}
        style={{ paddingLeft: `${4 + Math.min(line.depth, MAX_INDENT_LEVELS) * INDENT_PIXELS}px` }}
      >
        <Fold line={line} onToggle={props.onToggle} />
        <KindIcon kind={kind} />
        <span class="nbt-text">{name}</span>
        {line.children > 0 && !line.open && <span class="nbt-count">{count(line.children)}</span>}
        <StateIcon state={state} />
      </div>
      {props.showTokens && (
        <div class="nbt-figure" role="gridcell" title={tokens && `${tokens} tokens`}>
          {tokens}
        </div>
      )}
      <div class="nbt-figure" role="gridcell">
        {duration(end - start)}
      </div>
      <div class="nbt-time" role="gridcell">
        <div
          class="nbt-bar"
          style={{ left: `${left}%`, width: `${width}%`, backgroundColor: kindColour(kind) }}
        />
      </div>
    </div>
  );
}

function Fold({ line, onToggle }: { line: Line; onToggle: (line: Line) => void }): JSX.Element {
  if (line.children === 0) {
    return <span class="nbt-fold" />;
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: aria-expanded of the row says it, arrow keys do it
    // biome-ignore lint/a11y/useKeyWithClickEvents: arrow keys of the grid do it
    <span
      class={line.open ? "nbt-fold nbt-open" : "nbt-fold"}
      onClick={(event) => {
        event.stopPropagation();
        onToggle(line);
      }}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d="M6 4l4.5 4L6 12" />
      </svg>
    </span>
  );
}

function percent(share: number): number {
  return Number.isFinite(share) ? Math.round(Math.min(1, Math.max(0, share)) * 10_000) / 100 : 0;
}
