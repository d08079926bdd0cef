/** The scroll position of one view of the list. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Extent, type Place, placeAt, START, scrolled, showLine } from "./place";

/** A scroll bar that was moved by pixels is put where it belongs once it rests. */
const SETTLE_MS = 180;

export interface Scroll {
  element: { current: HTMLDivElement | null };
  place: Place;
  extent: Extent;
  width: number;
  onScroll: () => void;
  show: (line: number) => void;
  toStart: () => void;
}

export function useScroll(total: number, headHeight: number, height: number): Scroll {
  const element = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState(START);
  const [view, setView] = useState(height - headHeight);
  const [width, setWidth] = useState(800);
  // What this page set itself must not be taken for a person's scroll.
  const own = useRef(0);
  const settle = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const extent = { total, view };
  const latest = useRef({ place, extent });
  latest.current = { place, extent };
  useEffect(() => {
    const node = element.current;
    if (!node) {
      return;
    }
    const observer = new ResizeObserver(() => {
      setView(Math.max(0, node.clientHeight - headHeight));
      setWidth(node.clientWidth);
    });
    observer.observe(node);
    return () => observer.disconnect();
  }, [headHeight]);
  const go = (next: Place): void => {
    own.current = next.scroll;
    latest.current.place = next;
    setPlace(next);
  };
  // The element has its height before the bar can be moved along it.
  useLayoutEffect(() => {
    const node = element.current;
    if (node && own.current === place.scroll && Math.abs(node.scrollTop - place.scroll) >= 1) {
      node.scrollTop = place.scroll;
    }
  });
  return {
    element,
    place,
    extent,
    width,
    onScroll: () => {
      const node = element.current;
      if (!node || Math.abs(node.scrollTop - latest.current.place.scroll) < 1) {
        return;
      }
      const next = scrolled(latest.current.place, node.scrollTop, latest.current.extent);
      own.current = Number.NaN;
      latest.current.place = next;
      setPlace(next);
      clearTimeout(settle.current);
      settle.current = setTimeout(() => {
        const now = latest.current;
        const rested = placeAt(now.place.offset, now.extent);
        if (Math.abs(rested.scroll - now.place.scroll) >= 1) {
          go(rested);
        }
      }, SETTLE_MS);
    },
    show: (line) => {
      const next = showLine(line, latest.current.place, latest.current.extent);
      if (next !== latest.current.place) {
        go(next);
      }
    },
    toStart: () => go(START),
  };
}
