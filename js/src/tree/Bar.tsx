/**
 * The bar of one span: pale for as long as it lasted, solid where it ran itself, or, folded, where
 * anything in its subtree ran; with the critical path below and events as ticks.
 */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { kindColour } from "../page/kinds";
import type { RowsView } from "./Row";
import { type Scale, share, timeAt } from "./scale";
import { between, type Stretch } from "./times";

/** Pieces closer than this share of the width cannot be told apart. */
const CLOSEST = 1 / 400;
const MOST_TICKS = 50;

export interface BarProps {
  view: RowsView;
  row: number;
  kind: string;
  start: number;
  end: number;
  folded: boolean;
}

export function Bar({ view, row, kind, start, end, folded }: BarProps): JSX.Element {
  const { analysis, scale, critical } = view;
  const { layout } = analysis;
  const leaf = layout.size[row] === 1;
  const pieces = useMemo(
    () => (leaf ? null : seen(folded ? analysis.busy(row) : analysis.own(row), scale)),
    [analysis, row, leaf, folded, scale],
  );
  const path = useMemo(
    () => (critical ? seen(analysis.critical(row, folded), scale) : []),
    [analysis, row, critical, folded, scale],
  );
  const left = share(scale, start);
  const right = share(scale, end);
  const colour = kindColour(kind);
  if (right < 0 || left > 1) {
    return <span class={left > 1 ? "nbt-off nbt-later" : "nbt-off"} style={{ color: colour }} />;
  }
  const events = view.rows.events.get(row) ?? [];
  return (
    <>
      <div
        class={leaf ? "nbt-bar" : "nbt-bar nbt-whole"}
        style={{ ...placed(left, right), color: colour }}
      />
      {pieces?.map(([from, to]) => {
        const last = Math.min(to, view.now);
        return last < from ? null : (
          <div
            key={from}
            class="nbt-piece"
            style={{ ...placed(share(scale, from), share(scale, last)), color: colour }}
          />
        );
      })}
      {path.map(([from, to]) =>
        from >= view.now ? null : (
          <div
            key={from}
            class="nbt-critical"
            style={placed(share(scale, from), share(scale, Math.min(to, view.now)))}
          />
        ),
      )}
      {events.slice(0, MOST_TICKS).map((event, index) => {
        const at = share(scale, event.time);
        return event.time > view.now || at < 0 || at > 1 ? null : (
          <div
            key={index}
            class={event.name === "exception" ? "nbt-tick nbt-thrown" : "nbt-tick"}
            style={{ left: `${at * 100}%` }}
          />
        );
      })}
    </>
  );
}

function seen(stretches: readonly Stretch[], scale: Scale): Stretch[] {
  const [from, to] = [timeAt(scale, 0), timeAt(scale, 1)];
  return between(stretches, from, to, (to - from) * CLOSEST);
}

function placed(from: number, to: number): { left: string; width: string } {
  const left = Math.min(1, Math.max(0, from));
  const right = Math.min(1, Math.max(left, to));
  return { left: `${percent(left)}%`, width: `${percent(right - left)}%` };
}

function percent(value: number): number {
  return Number.isFinite(value) ? Math.round(value * 100_000) / 1000 : 0;
}
