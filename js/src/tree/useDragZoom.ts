/** Zooming with the pointer: drag over the time column, the wheel with Ctrl, double click. */
import { useEffect, useRef, useState } from "preact/hooks";
import { timeAt } from "./scale";
import type { TimeAxis } from "./useAxis";

/** A shorter drag is a click. */
const CLICK_PIXELS = 5;
const WHEEL_STEP = 1.0015;

export interface DragZoom {
  /** What is being dragged over, in pixels of the grid; null when nothing is. */
  marked: { left: number; width: number } | null;
  onPointerDown: (event: PointerEvent) => void;
  onPointerMove: (event: PointerEvent) => void;
  onPointerUp: (event: PointerEvent) => void;
  /** Keeps the click that ends a drag from selecting a row. */
  onClickCapture: (event: MouseEvent) => void;
}

interface Column {
  left: number;
  width: number;
}

export function useDragZoom(grid: { current: HTMLDivElement | null }, time: TimeAxis): DragZoom {
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const dragged = useRef(false);
  const latest = useRef(time);
  latest.current = time;
  useEffect(() => {
    const node = grid.current;
    // Not passive: the page itself must not be zoomed.
    const wheel = (event: WheelEvent): void => {
      const column = node && columnOf(node);
      if (!column) {
        return;
      }
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        const around = (event.clientX - column.left) / column.width;
        latest.current.zoom(WHEEL_STEP ** event.deltaY, Math.max(0, Math.min(1, around)));
      } else if (latest.current.zoomed && Math.abs(sideways) > 0 && !vertical(event)) {
        event.preventDefault();
        latest.current.pan(sideways / column.width);
      }
    };
    node?.addEventListener("wheel", wheel, { passive: false });
    return () => node?.removeEventListener("wheel", wheel);
  }, [grid]);
  const left = grid.current?.getBoundingClientRect().left ?? 0;
  return {
    marked: drag && {
      left: Math.min(drag.from, drag.to) - left,
      width: Math.abs(drag.to - drag.from),
    },
    onPointerDown: (event) => {
      dragged.current = false;
      const target = event.target as Element;
      if (event.button === 0 && event.pointerType !== "touch" && target.closest(".nbt-time")) {
        setDrag({ from: event.clientX, to: event.clientX });
      }
    },
    onPointerMove: (event) => {
      if (drag && event.buttons === 1) {
        if (!dragged.current && Math.abs(event.clientX - drag.from) > CLICK_PIXELS) {
          dragged.current = true;
          grid.current?.setPointerCapture(event.pointerId);
        }
        setDrag({ from: drag.from, to: event.clientX });
      } else if (drag) {
        setDrag(null);
      }
    },
    onPointerUp: () => {
      const column = grid.current && columnOf(grid.current);
      if (drag && dragged.current && column) {
        const moments = [drag.from, drag.to]
          .map((x) => Math.max(0, Math.min(1, (x - column.left) / column.width)))
          .map((at) => timeAt(time.scale, at));
        time.zoomToTimes(Math.min(...moments), Math.max(...moments));
      }
      setDrag(null);
    },
    onClickCapture: (event) => {
      if (dragged.current) {
        dragged.current = false;
        event.stopPropagation();
      }
    },
  };
}

function vertical(event: WheelEvent): boolean {
  return !event.shiftKey && Math.abs(event.deltaY) > Math.abs(event.deltaX);
}

function columnOf(grid: HTMLElement): Column | null {
  const box = grid.querySelector(".nbt-head .nbt-time")?.getBoundingClientRect();
  return box && box.width > 0 ? { left: box.left, width: box.width } : null;
}
