/** The state of one view: folds, the active row, and the lines that follow from them. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ERROR } from "./columns";
import type { TreeSession } from "./session";
import {
  ancestors,
  type Children,
  childrenOf,
  type Folds,
  flatten,
  isOpen,
  type Line,
  OPEN_ALL_UP_TO,
  OPEN_DEPTH,
} from "./tree";

/** Open spans grow on the screen this often; more would cost battery and show nothing new. */
const GROW_EVERY_MS = 250;

/** Render again when rows come, and while spans are open. */
export function useSession(session: TreeSession): number {
  const [tick, setTick] = useState(0);
  useEffect(() => session.subscribe(() => setTick((value) => value + 1)), [session]);
  const live = session.summary !== null && !session.summary.finished;
  useEffect(() => {
    if (!live) {
      return;
    }
    const timer = setInterval(() => setTick((value) => value + 1), GROW_EVERY_MS);
    return () => clearInterval(timer);
  }, [live]);
  return tick;
}

export interface Tree {
  lines: Line[];
  children: Children;
  /** The line of a row, -1 while it is folded away. */
  lineOf: (row: number) => number;
  toggle: (line: Line) => void;
  foldAll: () => void;
  openAll: () => void;
  /** Open everything above a row so that it has a line. */
  reveal: (row: number) => void;
  /** The next row with an error after a row, in the order of the rows; -1 when there is none. */
  nextError: (after: number) => number;
}

export function useTree(session: TreeSession): Tree {
  const { rows } = session;
  const [folds, setFolds] = useState<Folds | null>(null);
  const first = useRef<Folds | null>(null);
  if (first.current === null && session.summary !== null) {
    // Decided once: a live trace that grows must not fold under the reader's eyes.
    const large = session.summary.spans > OPEN_ALL_UP_TO;
    first.current = { depth: large ? OPEN_DEPTH : Number.POSITIVE_INFINITY, toggled: new Set() };
  }
  const current = folds ?? first.current ?? { depth: OPEN_DEPTH, toggled: new Set<number>() };
  const { version } = rows;
  // The rows change in place, and their version with them.
  const children = useMemo(() => childrenOf(rows), [rows, version]);
  const lines = useMemo(() => flatten(children, current), [children, current]);
  const places = useMemo(() => {
    const found = new Int32Array(children.first.length).fill(-1);
    for (const [index, line] of lines.entries()) {
      found[line.row] = index;
    }
    return found;
  }, [children, lines]);

  const toggle = useCallback(
    (line: Line) => {
      const toggled = new Set(current.toggled);
      if (!toggled.delete(line.row)) {
        toggled.add(line.row);
      }
      setFolds({ depth: current.depth, toggled });
    },
    [current],
  );

  const reveal = (row: number): void => {
    const above = ancestors(rows, row).reverse();
    const toggled = new Set(current.toggled);
    above.forEach((parent, depth) => {
      if (!isOpen({ depth: current.depth, toggled }, parent, depth)) {
        if (!toggled.delete(parent)) {
          toggled.add(parent);
        }
      }
    });
    setFolds({ depth: current.depth, toggled });
  };

  return {
    lines,
    children,
    lineOf: (row) => places[row] ?? -1,
    toggle,
    reveal,
    foldAll: () =>
      setFolds({ depth: 0, toggled: new Set(children.roots.length === 1 ? children.roots : []) }),
    openAll: () => setFolds({ depth: Number.POSITIVE_INFINITY, toggled: new Set() }),
    nextError: (after) => {
      for (let step = 1; step <= rows.length; step++) {
        const row = (after + step) % rows.length;
        if (rows.state[row] === ERROR) {
          return row;
        }
      }
      return -1;
    },
  };
}
