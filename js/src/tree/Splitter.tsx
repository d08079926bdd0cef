/** A bar between two parts that is dragged, or moved with the arrow keys. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { splitterCommandOf } from "./keys";

const KEY_PIXELS = 16;

export interface SplitterProps {
  label: string;
  /** Which way it moves. */
  direction: "x" | "y";
  /** Size in pixels of what it sizes, and the smallest it may have. */
  size: number;
  least: number;
  most: number;
  /** Whether it grows towards the start (the part is behind the bar). */
  reversed?: boolean;
  onSize: (size: number) => void;
}

export function Splitter(props: SplitterProps): JSX.Element {
  const { label, direction, size, least, most, reversed = false, onSize } = props;
  const began = useRef<{ at: number; size: number } | null>(null);
  const set = (value: number): void => onSize(Math.round(Math.max(least, Math.min(most, value))));
  const place = (event: PointerEvent): number =>
    direction === "x" ? event.clientX : event.clientY;
  const sign = reversed ? -1 : 1;
  return (
    <div
      class={`nbt-splitter nbt-splitter-${direction}`}
      role="separator"
      aria-label={label}
      aria-orientation={direction === "x" ? "vertical" : "horizontal"}
      aria-valuenow={Math.round(size)}
      aria-valuemin={least}
      aria-valuemax={Math.round(most)}
      tabIndex={0}
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        began.current = { at: place(event), size };
      }}
      onPointerMove={(event) => {
        if (began.current && event.buttons === 1) {
          set(began.current.size + sign * (place(event) - began.current.at));
        }
      }}
      onPointerUp={() => {
        began.current = null;
      }}
      onKeyDown={(event) => {
        const command = splitterCommandOf(event);
        if (command !== null) {
          event.preventDefault();
          set(size + sign * (command === "forth" ? KEY_PIXELS : -KEY_PIXELS));
        }
      }}
    />
  );
}
