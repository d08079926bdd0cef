/** One line of the tree: fold button, kind, name, state, figures, time bar. */
import type { JSX } from "preact";
import { visible } from "../details/visible";
import { count, dollars, duration } from "../page/format";
import { KindIcon, kindName, StateIcon, stateOf, stateWords } from "../page/kinds";
import type { State } from "../types";
import type { Analysis } from "./analysis";
import { Bar } from "./Bar";
import type { Rows } from "./columns";
import { IN_VALUES, pieces } from "./filter";
import { childCount, siblingCount } from "./layout";
import type { Scale } from "./scale";

/** Deeper levels are not indented further: the name must stay on the screen. */
const MAX_INDENT_LEVELS = 16;
const INDENT_PIXELS = 14;

/** What all rows of a view share. */
export interface RowsView {
  id: string;
  rows: Rows;
  analysis: Analysis;
  scale: Scale;
  /** "Now" for open spans, or the moment that a replay has reached. */
  now: number;
  columns: Columns;
  critical: boolean;
  pattern: RegExp | null;
  where: Uint8Array | null;
  onToggle: (row: number) => void;
  onSelect: (row: number) => void;
  onFocus: (row: number) => void;
  onZoom: (row: number) => void;
}

/** Which figures are shown. */
export interface Columns {
  tokens: boolean;
  cost: boolean;
  self: boolean;
  /** Whether tokens and cost are those of the subtree. */
  sums: boolean;
}

export interface RowProps {
  view: RowsView;
  row: number;
  depth: number;
  open: boolean;
  index: number;
  top: number;
  active: boolean;
  selected: boolean;
}

export function Row(props: RowProps): JSX.Element {
  const { view, row, depth, open, index } = props;
  const { rows, analysis, columns } = view;
  const { layout } = analysis;
  const kind = rows.kinds[row] ?? "UNKNOWN";
  const name = visible(rows.names[row] ?? "") || "(no name)";
  const start = analysis.times.start[row] ?? 0;
  const end = endOf(view, row);
  // In a replay: what a span used is known when it has ended.
  const runs = Number.isFinite(end) && end > view.now;
  const state = end > view.now ? "open" : stateOf(rows.state[row]);
  const length = Math.max(0, Math.min(end, view.now) - start);
  const children = childCount(layout, row);
  const below = (layout.size[row] ?? 1) - 1;
  const folded = children > 0 && !open;
  const where = view.where?.[row] ?? 0;
  const error = rows.previews.get(row)?.error;
  const label = `${name}, ${kindName(kind)}, ${stateWords(state)}, ${duration(length)}`;
  const classes = ["nbt-row", `nbt-is-${state}`];
  if (props.active) {
    classes.push("nbt-active");
  }
  if (where > 0) {
    classes.push("nbt-match");
  }
  const sums = columns.sums || folded;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the grid
    <div
      id={`${view.id}-${row}`}
      class={classes.join(" ")}
      role="row"
      aria-label={label}
      aria-level={depth + 1}
      aria-posinset={layout.position[row] ?? 1}
      aria-setsize={siblingCount(layout, row)}
      aria-rowindex={index + 2}
      aria-selected={props.selected}
      {...(children > 0 ? { "aria-expanded": open } : {})}
      style={{ transform: `translateY(${props.top}px)` }}
      onClick={() => view.onSelect(row)}
      data-row={row}
    >
      <div
        class="nbt-name"
        role="gridcell"
        title={error ? `${name}: ${error}` : name}
        style={{ paddingLeft: `${4 + Math.min(depth, MAX_INDENT_LEVELS) * INDENT_PIXELS}px` }}
      >
        <Guides depth={depth} />
        <Fold open={open} children={children} onToggle={() => view.onToggle(row)} />
        <KindIcon kind={kind} />
        <span class="nbt-text">
          {where > 0 ? <Marked text={name} pattern={view.pattern} /> : name}
        </span>
        {where === IN_VALUES && <span class="nbt-count nbt-hit">in values</span>}
        {folded && (
          <span class="nbt-count" title={`${count(below)} spans below`}>
            {count(below)}
          </span>
        )}
        <StateIcon state={state as State} />
        {children > 0 && (
          // biome-ignore lint/a11y/noStaticElementInteractions: the key f does it
          // biome-ignore lint/a11y/useKeyWithClickEvents: the key f does it
          <span
            class="nbt-only"
            title="Only this subtree (f)"
            onClick={(event) => {
              event.stopPropagation();
              view.onFocus(row);
            }}
          >
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <path d="M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3M8 6.5v3M6.5 8h3" />
            </svg>
          </span>
        )}
      </div>
      {columns.tokens && (
        <Figure
          text={count(runs ? null : (sums ? analysis.tokens : rows.tokens)[row])}
          sum={sums && children > 0}
          unit=" tokens"
        />
      )}
      {columns.cost && (
        <Figure
          text={dollars(runs ? null : (sums ? analysis.cost : rows.cost)[row])}
          sum={sums && children > 0}
          unit=""
        />
      )}
      {columns.self && <Figure text={duration(analysis.self[row] ?? 0)} sum={false} unit=" self" />}
      <div class="nbt-figure" role="gridcell">
        {duration(length)}
      </div>
      <div
        class="nbt-time"
        role="gridcell"
        onPointerMove={(event) => {
          event.currentTarget.title = timeTitle(view, row, length);
        }}
        onDblClick={() => view.onZoom(row)}
      >
        <Bar view={view} row={row} kind={kind} start={start} end={start + length} folded={folded} />
      </div>
    </div>
  );
}

/** When a row ends; infinite for one that is open and grows. */
function endOf({ rows, analysis }: RowsView, row: number): number {
  const stored = rows.end[row] ?? Number.NaN;
  return Number.isNaN(stored) ? Number.POSITIVE_INFINITY : (analysis.times.end[row] ?? 0);
}

function timeTitle({ analysis, rows }: RowsView, row: number, length: number): string {
  const { times, layout } = analysis;
  const lines = [`starts at +${duration((times.start[row] ?? 0) - times.from) || "0 ns"}`];
  if (childCount(layout, row) > 0 && length > 0) {
    const own = analysis.self[row] ?? 0;
    lines.push(`itself ${duration(own)} (${Math.round((own / length) * 100)} %)`);
    lines.push(`its children ${duration(length - own)}`);
  }
  const total = times.to - times.from;
  lines.push(`${total > 0 ? Math.round((length / total) * 1000) / 10 : 100} % of the trace`);
  for (const event of (rows.events.get(row) ?? []).slice(0, 5)) {
    lines.push(`${event.name} at +${duration(event.time - times.from)}`);
  }
  return lines.join("\n");
}

function Figure(props: { text: string; sum: boolean; unit: string }): JSX.Element {
  const { text, sum, unit } = props;
  return (
    <div
      class={sum ? "nbt-figure nbt-sum" : "nbt-figure"}
      role="gridcell"
      title={text && `${text}${unit}${sum ? " in its subtree" : ""}`}
    >
      {text}
    </div>
  );
}

/** A line down from each ancestor. */
function Guides({ depth }: { depth: number }): JSX.Element | null {
  const levels = Math.min(depth, MAX_INDENT_LEVELS);
  return levels === 0 ? null : (
    <span class="nbt-guides" style={{ width: `${levels * INDENT_PIXELS}px` }} />
  );
}

function Marked({ text, pattern }: { text: string; pattern: RegExp | null }): JSX.Element {
  return (
    <>
      {pieces(text, pattern).map((piece, index) =>
        index === 1 ? <mark key={index}>{piece}</mark> : piece,
      )}
    </>
  );
}

interface FoldProps {
  open: boolean;
  children: number;
  onToggle: () => void;
}

function Fold({ open, children, onToggle }: FoldProps): JSX.Element {
  if (children === 0) {
    return <span class="nbt-fold" />;
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: aria-expanded of the row says it, arrow keys do it
    // biome-ignore lint/a11y/useKeyWithClickEvents: arrow keys of the grid do it
    <span
      class={open ? "nbt-fold nbt-open" : "nbt-fold"}
      onClick={(event) => {
        event.stopPropagation();
        onToggle();
      }}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d="M6 4l4.5 4L6 12" />
      </svg>
    </span>
  );
}
