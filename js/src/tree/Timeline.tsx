/** The head of the grid and the cuts of its axis: column names, time, the handle of the name column. */
import type { JSX, TargetedPointerEvent } from "preact";
import { duration } from "../page/format";
import { marks } from "./marks";
import type { Columns } from "./Row";
import { type Scale, share } from "./scale";

export const NARROWEST_NAME = 90;

export interface HeadProps {
  scale: Scale;
  /** Pixels of the time column. */
  width: number;
  columns: Columns;
  onResize: (width: number) => void;
}

export function Head({ scale, width, columns, onResize }: HeadProps): JSX.Element {
  return (
    <div class="nbt-head" role="row" aria-rowindex={1}>
      <div class="nbt-name" role="columnheader">
        Span
        <Handle onResize={onResize} />
      </div>
      {columns.tokens && <Title text="Tokens" />}
      {columns.cost && <Title text="Cost" />}
      {columns.self && <Title text="Self" />}
      <Title text="Duration" />
      <div class="nbt-time" role="columnheader" aria-label="Time">
        {marks(scale, width).map(({ at, words, end }) => (
          <span
            key={words}
            class="nbt-mark"
            style={end ? { right: "0" } : { left: `${at * 100}%` }}
          >
            {words}
          </span>
        ))}
        {gapMarks(scale).map(({ at, size, length }) => (
          <span
            key={at}
            class="nbt-gap"
            title={`${duration(length)} in which nothing ran, cut short`}
            style={{ left: `${at * 100}%`, width: `${size * 100}%` }}
          >
            {size * width > 34 ? duration(length) : ""}
          </span>
        ))}
      </div>
    </div>
  );
}

function Title({ text }: { text: string }): JSX.Element {
  return (
    <div class="nbt-figure" role="columnheader">
      {text}
    </div>
  );
}

/** Where gaps are cut out of what is drawn. */
function gapMarks(scale: Scale): { at: number; size: number; length: number }[] {
  return scale.axis.gaps
    .map(([from, to]) => {
      const at = share(scale, from);
      return { at, size: share(scale, to) - at, length: to - from };
    })
    .filter(({ at, size }) => at + size > 0 && at < 1);
}

function Handle({ onResize }: { onResize: (width: number) => void }): JSX.Element {
  const drag = (event: TargetedPointerEvent<HTMLElement>): void => {
    const handle = event.currentTarget;
    const column = handle.parentElement;
    if (column && event.buttons === 1) {
      const width = event.clientX - column.getBoundingClientRect().left;
      onResize(Math.max(NARROWEST_NAME, Math.round(width)));
    }
  };
  return (
    <span
      class="nbt-handle"
      title="Width of the names (< and >)"
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={drag}
    />
  );
}

/** Where the axis is cut, down the whole list. */
export function GapLines({ scale }: { scale: Scale }): JSX.Element | null {
  const gaps = gapMarks(scale);
  return gaps.length === 0 ? null : (
    <div class="nbt-gaps" aria-hidden="true">
      <div class="nbt-time">
        {gaps.map(({ at, size }) => (
          <span
            key={at}
            class="nbt-gap"
            style={{ left: `${at * 100}%`, width: `${size * 100}%` }}
          />
        ))}
      </div>
    </div>
  );
}
