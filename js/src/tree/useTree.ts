/** The lines of one view: what is folded, focused on, filtered and not yet replayed. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Analysis } from "./analysis";
import { ERROR } from "./columns";
import {
  childCount,
  type Folds,
  isBelow,
  isOpen,
  linesOf,
  OPEN_ALL_UP_TO,
  OPEN_DEPTH,
  placeAmong,
  revealed,
} from "./layout";
import type { TreeSession } from "./session";

/** Open spans grow on the screen this often; more would cost battery and show nothing new. */
const GROW_EVERY_MS = 250;

/** Render again when rows come, and while spans are open. */
export function useSession(session: TreeSession): void {
  const [, setTick] = useState(0);
  useEffect(() => session.subscribe(() => setTick((value) => value + 1)), [session]);
  const { following } = session;
  useEffect(() => {
    if (!following) {
      return;
    }
    let silent = false;
    const timer = setInterval(() => {
      // Once more when the kernel has fallen silent, to say so.
      if (session.growing || session.silent !== silent) {
        silent = session.silent;
        setTick((value) => value + 1);
      }
    }, GROW_EVERY_MS);
    return () => clearInterval(timer);
  }, [session, following]);
}

/** The root that is drawn, which must be a row that is there. */
export function useFocus(analysis: Analysis): [number, (row: number) => void] {
  const [root, setRoot] = useState(-1);
  const { place, roots } = analysis.layout;
  const there = (place[root] ?? -1) >= 0;
  // The only root is the whole trace.
  return [there && !(roots.length === 1 && roots[0] === root) ? root : -1, setRoot];
}

export interface Tree {
  lines: Uint32Array;
  /** The line of a row, -1 while it has none. */
  lineOf: (row: number) => number;
  /** Depth as drawn: the focused row has none. */
  depthOf: (row: number) => number;
  isOpen: (row: number) => boolean;
  toggle: (row: number) => void;
  /** Show this many levels. */
  setLevels: (levels: number) => void;
  /** Open everything above a row so that it has a line; leaves a focus that hides it. */
  reveal: (row: number) => void;
  /** The next row, in the order of the tree and round its end, that is as wanted; -1 for none. */
  seek: (after: number, step: 1 | -1, wanted: (row: number) => boolean) => number;
}

export interface TreeOptions {
  session: TreeSession;
  analysis: Analysis;
  root: number;
  setRoot: (row: number) => void;
  kept: Uint8Array | null;
  /** Spans that start later are not shown. */
  until: number;
}

const EVERYTHING: Folds = { depth: Number.POSITIVE_INFINITY, toggled: new Set() };

export function useTree(options: TreeOptions): Tree {
  const { session, analysis, root, setRoot, kept, until } = options;
  const { layout, times } = analysis;
  const [plain, setPlain] = useState<Folds | null>(null);
  // What is left by a filter is open until folded; without the filter all is as it was.
  const [filtered, setFiltered] = useState<Folds>(EVERYTHING);
  const filtering = kept !== null;
  useEffect(() => setFiltered(EVERYTHING), [filtering]);
  const first = useRef<Folds | null>(null);
  if (first.current === null && session.summary !== null) {
    // Decided once: a live trace that grows must not fold under the reader's eyes.
    const large = session.summary.spans > OPEN_ALL_UP_TO;
    first.current = large ? { depth: OPEN_DEPTH, toggled: new Set() } : EVERYTHING;
  }
  const folds = filtering ? filtered : (plain ?? first.current ?? EVERYTHING);
  const setFolds = filtering ? setFiltered : setPlain;
  // Lines change when another span has started, not with every moment of a replay.
  const last = lastStarted(layout.byStart, times.start, until);
  const lines = useMemo(
    () => linesOf(layout, times.start, { folds, root, kept, until: last }),
    [layout, times, folds, root, kept, last],
  );
  const base = root < 0 ? 0 : (layout.depth[root] ?? 0);
  const depthOf = (row: number): number => (layout.depth[row] ?? 0) - base;
  return {
    lines,
    depthOf,
    lineOf: (row) => placeAmong(layout, lines, row),
    isOpen: (row) => childCount(layout, row) > 0 && isOpen(folds, row, depthOf(row)),
    toggle: (row) => {
      const toggled = new Set(folds.toggled);
      if (!toggled.delete(row)) {
        toggled.add(row);
      }
      setFolds({ depth: folds.depth, toggled });
    },
    setLevels: (levels) => setFolds({ depth: levels - 1, toggled: new Set() }),
    reveal: (row) => {
      const inside = root < 0 || isBelow(layout, row, root);
      if (!inside) {
        setRoot(-1);
      }
      setFolds(revealed(layout, folds, inside ? root : -1, row));
    },
    seek: (after, step, wanted) => {
      const total = layout.order.length;
      const place = layout.place[after] ?? -1;
      for (let steps = 1; steps <= total; steps++) {
        const row = layout.order[(((place + step * steps) % total) + total) % total] ?? -1;
        if (wanted(row) && (kept === null || kept[row] === 1)) {
          return row;
        }
      }
      return -1;
    },
  };
}

/** Whether a row failed. */
export function hasFailed(session: TreeSession, row: number): boolean {
  return session.rows.state[row] === ERROR;
}

/** The latest start up to a moment; the moment itself where nothing is left out. */
function lastStarted(byStart: Uint32Array, start: Float64Array, until: number): number {
  if (until === Number.POSITIVE_INFINITY) {
    return until;
  }
  let low = 0;
  let high = byStart.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((start[byStart[middle] ?? 0] ?? 0) <= until) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low === 0 ? Number.NEGATIVE_INFINITY : (start[byStart[low - 1] ?? 0] ?? 0);
}
