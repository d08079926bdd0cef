/** The strip over the tree: the whole trace in small, and the part that is zoomed in on. */
import type { JSX, TargetedPointerEvent } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { kindColour } from "../page/kinds";
import type { Analysis } from "./analysis";
import { ERROR, type Rows } from "./columns";
import { paint, pathsOf } from "./minimap";
import { type Axis, type Scale, scaleOf, share, toTime } from "./scale";
import type { TimeAxis } from "./useAxis";

const LANES = 18;
const BINS = 480;
/** A shorter drag is a click. */
const CLICK_SHARE = 0.004;

export interface OverviewProps {
  rows: Rows;
  analysis: Analysis;
  time: TimeAxis;
  /** What a replay has reached, as a time; infinite without one. */
  until: number;
}

export function Overview({ rows, analysis, time, until }: OverviewProps): JSX.Element {
  const { axis, scale } = time;
  const whole = useMemo(() => scaleOf(axis, null), [axis]);
  const paths = useMemo(() => picture(rows, analysis, whole), [rows, analysis, whole]);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const moved = useRef<{ at: number; from: number; to: number } | null>(null);
  const window = drag
    ? { from: Math.min(drag.from, drag.to), to: Math.max(drag.from, drag.to) }
    : { from: scale.from / axis.length, to: scale.to / axis.length };
  const at = (event: TargetedPointerEvent<SVGSVGElement>): number => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / Math.max(1, box.width)));
  };
  const shown = (from: number, to: number): void => time.zoomToTimes(...times(axis, from, to));
  return (
    <svg
      class="nbt-overview"
      viewBox={`0 0 ${BINS} ${LANES}`}
      preserveAspectRatio="none"
      role="img"
      aria-label="The whole trace; drag to zoom in"
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        const place = at(event);
        const inside = time.zoomed && place > window.from && place < window.to;
        moved.current = inside ? { at: place, from: window.from, to: window.to } : null;
        setDrag(inside ? null : { from: place, to: place });
      }}
      onPointerMove={(event) => {
        if (drag) {
          setDrag({ from: drag.from, to: at(event) });
        } else if (moved.current) {
          const place = at(event);
          time.pan((place - moved.current.at) / (window.to - window.from));
          moved.current.at = place;
        }
      }}
      onPointerUp={() => {
        if (drag && window.to - window.from > CLICK_SHARE) {
          shown(window.from, window.to);
        } else if (drag) {
          time.reset();
        }
        setDrag(null);
        moved.current = null;
      }}
    >
      <title>Drag to zoom in, click beside the part to see all</title>
      {paths.map(({ colour, path }) => (
        <path key={colour} d={path} style={{ fill: colour }} />
      ))}
      {(drag || time.zoomed) && (
        <>
          <rect class="nbt-dim" x={0} y={0} width={window.from * BINS} height={LANES} />
          <rect
            class="nbt-dim"
            x={window.to * BINS}
            y={0}
            width={Math.max(0, (1 - window.to) * BINS)}
            height={LANES}
          />
        </>
      )}
      {until !== Number.POSITIVE_INFINITY && (
        <rect
          class="nbt-dim"
          x={share(whole, until) * BINS}
          y={0}
          width={Math.max(0, (1 - share(whole, until)) * BINS)}
          height={LANES}
        />
      )}
    </svg>
  );
}

function times(axis: Axis, from: number, to: number): [number, number] {
  return [toTime(axis, from * axis.length), toTime(axis, to * axis.length)];
}

function picture(rows: Rows, analysis: Analysis, whole: Scale): { colour: string; path: string }[] {
  const colours = [...new Set(analysis.kinds.map(([kind]) => kindColour(kind)))];
  const numbers = new Map(
    analysis.kinds.map(([kind]) => [kind, colours.indexOf(kindColour(kind)) + 1]),
  );
  const failed = colours.length + 1;
  const colour = (row: number): number =>
    rows.state[row] === ERROR ? failed : (numbers.get(rows.kinds[row] ?? "UNKNOWN") ?? 1);
  const drawn = paint(analysis.layout, analysis.times, colour, LANES, BINS, (time) =>
    share(whole, time),
  );
  return [...pathsOf(drawn)].map(([number, path]) => ({
    colour: colours[number - 1] ?? "var(--nbt-red)",
    path,
  }));
}
