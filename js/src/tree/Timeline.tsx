/** The head of the grid: column names, the time axis, and the handle that sizes the name column. */
import type { JSX, TargetedPointerEvent } from "preact";
import { duration, ticks } from "../page/format";

/** A mark and its words take about this much. */
const TICK_PIXELS = 70;
const WORDS_PIXELS = 52;
const NARROWEST_NAME = 90;

export interface HeadProps {
  length: number;
  /** Pixels of the time column. */
  width: number;
  showTokens: boolean;
  onResize: (width: number) => void;
}

export function Head({ length, width, showTokens, onResize }: HeadProps): JSX.Element {
  return (
    <div class="nbt-head" role="row" aria-rowindex={1}>
      <div class="nbt-name" role="columnheader">
        Span
        <Handle onResize={onResize} />
      </div>
      {showTokens && (
        <div class="nbt-figure" role="columnheader">
          Tokens
        </div>
      )}
      <div class="nbt-figure" role="columnheader">
        Duration
      </div>
      <div class="nbt-time" role="columnheader" aria-label="Time">
        {ticks(length, Math.max(1, width / TICK_PIXELS)).map((mark) => (
          <span key={mark} style={{ left: `${(mark / length) * 100}%` }}>
            {/* A cut unit would say something else: "200 m" for 200 ms. */}
            {(1 - mark / length) * width < WORDS_PIXELS ? "" : mark === 0 ? "0" : duration(mark)}
          </span>
        ))}
      </div>
    </div>
  );
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
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={drag}
    />
  );
}
