/** The time axis of one view: its length, folded gaps and zoom. */
import { useMemo, useState } from "preact/hooks";
import type { Analysis } from "./analysis";
import {
  type Axis,
  axisOf,
  panBy,
  type Scale,
  scaleOf,
  toAxis,
  toTime,
  type Zoom,
  zoomBy,
  zoomTo,
} from "./scale";
import type { Stretch } from "./times";

export interface TimeAxis {
  axis: Axis;
  scale: Scale;
  /** What is zoomed in on, as times; null for all. */
  zoomed: Stretch | null;
  zoomToTimes: (from: number, to: number) => void;
  zoom: (factor: number, around?: number) => void;
  pan: (shares: number) => void;
  reset: () => void;
}

/** Keeps a margin on both sides of a span that is zoomed to. */
const MARGIN = 0.05;

export function useAxis(analysis: Analysis, now: number, growing: boolean, cut: boolean): TimeAxis {
  const { from, open } = analysis.times;
  const to = growing && open > 0 ? Math.max(analysis.times.to, now) : analysis.times.to;
  const gaps = cut ? analysis.gaps : null;
  const axis = useMemo(() => axisOf(from, to, gaps ?? []), [from, to, gaps]);
  // In times, so that it stays where it is when gaps are folded or the trace grows.
  const [zoomed, setZoomed] = useState<Stretch | null>(null);
  const scale = useMemo(
    () => scaleOf(axis, zoomed && zoomTo(axis, toAxis(axis, zoomed[0]), toAxis(axis, zoomed[1]))),
    [axis, zoomed],
  );
  const set = (zoom: Zoom): void =>
    setZoomed(zoom && [toTime(axis, zoom[0]), toTime(axis, zoom[1])]);
  return {
    axis,
    scale,
    zoomed,
    zoomToTimes: (start, end) => {
      const margin = (toAxis(axis, end) - toAxis(axis, start)) * MARGIN;
      set(zoomTo(axis, toAxis(axis, start) - margin, toAxis(axis, end) + margin));
    },
    zoom: (factor, around) => set(zoomBy(scale, factor, around)),
    pan: (shares) => {
      if (zoomed) {
        set(panBy(scale, shares));
      }
    },
    reset: () => setZoomed(null),
  };
}
