/** One trace as a row of cells. */
import { Component, type JSX } from "preact";
import type { Column } from "./columns";
import type { TableRow } from "./messages";
import type { Pill } from "./pills";

export interface RowProps {
  id: string;
  row: TableRow | null | undefined;
  place: number;
  top: number;
  columns: readonly Column[];
  /** The active column's number in the active row, -1 elsewhere. */
  active: number;
  chosen: boolean;
  opened: boolean;
  /** The same object in every drawing, so that a row which did not change is not drawn anew. */
  hands: RowHands;
}

/** What a row does for a pointer. */
export interface RowHands {
  press: (place: number, column: number, event: MouseEvent) => void;
  choose: (place: number, event: MouseEvent) => void;
  pill: (pill: Pill) => void;
}

export class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return (Object.keys(next) as (keyof RowProps)[]).some(
      (name) => next[name] !== this.props[name],
    );
  }

  override render(props: RowProps): JSX.Element {
    return cells(props);
  }
}

function cells(props: RowProps): JSX.Element {
  const { row, place, columns, active, chosen } = props;
  const classes = [
    "nbt-trace",
    active >= 0 ? "nbt-active" : "",
    props.opened ? "nbt-is-opened" : "",
    row?.state === "ERROR" ? "nbt-is-error" : "",
  ];
  return (
    <div
      class={classes.filter(Boolean).join(" ")}
      role="row"
      aria-rowindex={place + 2}
      aria-selected={chosen}
      style={{ top: `${props.top}px` }}
    >
      <div class="nbt-cell nbt-check" role="gridcell" aria-colindex={1}>
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label="Select"
          checked={chosen}
          disabled={!row}
          onClick={(event) => {
            event.preventDefault();
            props.hands.choose(place, event);
          }}
        />
      </div>
      {columns.map((column, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the grid has the keys, and the focus
        <div
          key={column.id}
          id={`${props.id}-${index}`}
          class={`nbt-cell nbt-cell-${column.id}${column.number ? " nbt-right" : ""}${
            index === active ? " nbt-cell-active" : ""
          }`}
          role="gridcell"
          aria-colindex={index + 2}
          onClick={(event) => props.hands.press(place, index, event)}
        >
          {row ? (
            <Value column={column} row={row} onPill={props.hands.pill} />
          ) : row === null ? (
            <i class="nbt-bone" style={{ width: `${35 + ((place * 7 + index * 13) % 45)}%` }} />
          ) : index === 0 ? (
            <i class="nbt-gone">deleted</i>
          ) : null}
        </div>
      ))}
    </div>
  );
}

interface ValueProps {
  column: Column;
  row: TableRow;
  onPill: (pill: Pill) => void;
}

function Value({ column, row, onPill }: ValueProps): JSX.Element {
  const text = column.text(row);
  const { only } = column;
  const [take, leave] = column.words ?? ["only this", "without this"];
  const press = (event: Event, exclude: boolean): void => {
    event.stopPropagation();
    if (only) {
      onPill(only(row, exclude));
    }
  };
  return (
    <>
      <span class="nbt-text" title={text}>
        {column.view ? column.view(row, onPill) : text}
      </span>
      {only && (
        <span class="nbt-cell-tools">
          <button
            type="button"
            tabIndex={-1}
            title={`Filter: ${take}`}
            aria-label={`Filter: ${take}`}
            onClick={(event) => press(event, false)}
          >
            {column.words ? "≥" : "="}
          </button>
          <button
            type="button"
            tabIndex={-1}
            title={`Filter: ${leave}`}
            aria-label={`Filter: ${leave}`}
            onClick={(event) => press(event, true)}
          >
            {column.words ? "≤" : "≠"}
          </button>
        </span>
      )}
    </>
  );
}
