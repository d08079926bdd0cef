/** The scroll state of a windowed list: what is in sight, and how to bring a line there. */
import type { TargetedEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { listHeight, scrollToLine } from "./window";

/** Until the element has been laid out. */
const FIRST_WIDTH = 600;

export interface Scroll {
  element: { current: HTMLDivElement | null };
  top: number;
  height: number;
  width: number;
  onScroll: (event: TargetedEvent<HTMLDivElement>) => void;
  show: (index: number) => void;
}

export function useScroll(total: number, lineHeight: number, firstHeight: number): Scroll {
  const element = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(firstHeight);
  const [width, setWidth] = useState(FIRST_WIDTH);
  useEffect(() => {
    const node = element.current;
    if (!node) {
      return;
    }
    const observer = new ResizeObserver(() => {
      setHeight(node.clientHeight || firstHeight);
      setWidth(node.clientWidth || FIRST_WIDTH);
    });
    observer.observe(node);
    return () => observer.disconnect();
  }, [firstHeight]);
  return {
    element,
    // A fold may have shortened the list since the last scroll event.
    top: Math.max(0, Math.min(top, listHeight(total, lineHeight) - height)),
    height,
    width,
    onScroll: (event) => setTop(event.currentTarget.scrollTop),
    show: (index) => {
      const node = element.current;
      if (node) {
        node.scrollTop = scrollToLine(index, lineHeight, node.scrollTop, node.clientHeight);
      }
    },
  };
}
