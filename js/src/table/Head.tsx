/** The heads of the columns: click to sort, drag to move, drag the edge to resize. */
import type { JSX, TargetedPointerEvent } from "preact";
import { useRef, useState } from "preact/hooks";
import { type Column, sortedBy } from "./columns";

/** Less is a click. */
const DRAG_PIXELS = 6;

export interface HeadProps {
  columns: readonly Column[];
  widths: readonly number[];
  order: readonly string[];
  /** Whether all are selected, or some. */
  chosen: "all" | "some" | "none";
  onChooseAll: () => void;
  onSort: (column: Column) => void;
  onResize: (id: string, width: number | null) => void;
  onMove: (id: string, target: string) => void;
}

export function Head(props: HeadProps): JSX.Element {
  const { columns, widths, order } = props;
  const [target, setTarget] = useState("");
  const drag = useRef<{ id: string; x: number; moved: boolean } | null>(null);
  const columnUnder = (event: TargetedPointerEvent<HTMLElement>): string => {
    const heads = event.currentTarget.parentElement?.querySelectorAll<HTMLElement>("[data-column]");
    const found = [...(heads ?? [])].find((head) => {
      const box = head.getBoundingClientRect();
      return event.clientX >= box.left && event.clientX < box.right;
    });
    return found?.dataset.column ?? "";
  };
  return (
    <div class="nbt-trace-head" role="row" aria-rowindex={1}>
      <div class="nbt-cell nbt-check" role="columnheader" aria-colindex={1}>
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label="Select all traces of the search"
          checked={props.chosen === "all"}
          ref={(node) => {
            if (node) {
              node.indeterminate = props.chosen === "some";
            }
          }}
          onClick={(event) => {
            event.preventDefault();
            props.onChooseAll();
          }}
        />
      </div>
      {columns.map((column, index) => {
        const sorted = sortedBy(column, order);
        return (
          <div
            key={column.id}
            data-column={column.id}
            class={`nbt-cell nbt-head-cell${column.number ? " nbt-right" : ""}${
              column.order ? " nbt-sortable" : ""
            }${target === column.id ? " nbt-target" : ""}`}
            role="columnheader"
            aria-colindex={index + 2}
            {...(sorted ? { "aria-sort": sorted } : {})}
            title={column.order ? `Sort by ${column.title}` : column.title}
            onPointerDown={(event) => {
              if (event.button === 0) {
                event.currentTarget.setPointerCapture(event.pointerId);
                drag.current = { id: column.id, x: event.clientX, moved: false };
              }
            }}
            onPointerMove={(event) => {
              const now = drag.current;
              if (now && (now.moved || Math.abs(event.clientX - now.x) > DRAG_PIXELS)) {
                now.moved = true;
                setTarget(columnUnder(event));
              }
            }}
            onPointerUp={() => {
              const now = drag.current;
              drag.current = null;
              setTarget("");
              if (now?.moved) {
                props.onMove(now.id, target);
              } else if (now) {
                props.onSort(column);
              }
            }}
          >
            <span class="nbt-text">{column.title}</span>
            {sorted && <span aria-hidden="true">{sorted === "ascending" ? "↑" : "↓"}</span>}
            <Edge
              width={widths[index] ?? column.width}
              onResize={(width) => props.onResize(column.id, width)}
            />
          </div>
        );
      })}
    </div>
  );
}

function Edge(props: { width: number; onResize: (width: number | null) => void }): JSX.Element {
  const start = useRef<{ x: number; width: number } | null>(null);
  return (
    <span
      class="nbt-edge"
      aria-hidden="true"
      onDblClick={() => props.onResize(null)}
      onPointerDown={(event) => {
        event.stopPropagation();
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = { x: event.clientX, width: props.width };
      }}
      onPointerMove={(event) => {
        if (start.current) {
          props.onResize(start.current.width + event.clientX - start.current.x);
        }
      }}
      onPointerUp={(event) => {
        event.stopPropagation();
        start.current = null;
      }}
    />
  );
}
