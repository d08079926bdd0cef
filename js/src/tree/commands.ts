/** What each command of the keyboard and of the menus does in one view. */
import type { Analysis } from "./analysis";
import { ABSENT } from "./columns";
import type { Command } from "./keys";
import { childCount, countAbove } from "./layout";
import type { ViewOptions } from "./Menus";
import type { Other } from "./OtherView";
import type { TreeSession } from "./session";
import type { TimeAxis } from "./useAxis";
import type { Player } from "./useReplay";
import type { Search } from "./useSearch";
import { hasFailed, type Tree } from "./useTree";

const ZOOM_STEP = 0.6;
const PAN_STEP = 0.2;
const NAME_STEP_PIXELS = 24;

/** What commands may touch. */
export interface Scope {
  session: TreeSession;
  analysis: Analysis;
  tree: Tree;
  search: Search;
  time: TimeAxis;
  player: Player;
  options: ViewOptions;
  overview: boolean;
  root: number;
  setRoot: (row: number) => void;
  activeRow: number;
  activeIndex: number;
  /** Lines of one screen. */
  page: number;
  selected: number;
  goTo: (row: number) => void;
  select: (row: number) => void;
  deselect: () => void;
  change: (options: Partial<ViewOptions>) => void;
  leave: () => void;
  showOther: (other: Other) => void;
  focusSearch: () => void;
  resizeName: (pixels: number) => void;
  toggleHelp: () => void;
}

export function commandsOf(scope: Scope): Record<Command, (key: string) => void> {
  const { session, analysis, tree, search, time, options, activeRow, activeIndex, page } = scope;
  const { layout, times } = analysis;
  const { rows } = session;
  const toLine = (index: number): void => {
    const row = tree.lines[Math.max(0, Math.min(index, tree.lines.length - 1))];
    if (row !== undefined) {
      scope.goTo(row);
    }
  };
  const toRow = (row: number): void => {
    if (row >= 0) {
      scope.goTo(row);
    }
  };
  const seek = (step: 1 | -1, wanted: (row: number) => boolean): void =>
    toRow(tree.seek(activeRow, step, wanted));
  const peer = (step: 1 | -1): void =>
    seek(step, (row) => rows.names[row] === rows.names[activeRow] && rows.state[row] !== ABSENT);
  const sibling = (step: 1 | -1): void => {
    const parent = layout.parent[activeRow] ?? -1;
    const list =
      parent < 0
        ? layout.roots
        : layout.list.subarray(layout.first[parent] ?? 0, layout.first[parent + 1] ?? 0);
    toRow(list[(layout.position[activeRow] ?? 1) - 1 + step] ?? -1);
  };
  const match = (step: 1 | -1): void => {
    const { matches } = search;
    const above = countAbove(layout, matches, layout.place[activeRow] ?? 0);
    const at = step < 0 ? above - 1 : above + (matches[above] === activeRow ? 1 : 0);
    toRow(matches[(at + matches.length) % matches.length] ?? -1);
  };
  const onlyErrors = search.filter.status === "error";
  return {
    next: () => toLine(activeIndex + 1),
    previous: () => toLine(activeIndex - 1),
    pageDown: () => toLine(activeIndex + page),
    pageUp: () => toLine(activeIndex - page),
    first: () => toLine(0),
    last: () => toLine(tree.lines.length - 1),
    open: () => {
      if (tree.isOpen(activeRow)) {
        toLine(activeIndex + 1);
      } else if (childCount(layout, activeRow) > 0) {
        tree.toggle(activeRow);
      }
    },
    close: () => {
      if (tree.isOpen(activeRow)) {
        tree.toggle(activeRow);
      } else if (activeRow !== scope.root) {
        toRow(layout.parent[activeRow] ?? -1);
      }
    },
    details: () =>
      scope.selected === activeRow ? scope.deselect() : activeRow >= 0 && scope.select(activeRow),
    nextSibling: () => sibling(1),
    previousSibling: () => sibling(-1),
    nextPeer: () => peer(1),
    previousPeer: () => peer(-1),
    search: scope.focusSearch,
    nextMatch: () => match(1),
    previousMatch: () => match(-1),
    hide: () => search.setHiding(!search.hiding),
    nextError: () => {
      const row = tree.seek(activeRow, 1, (other) => hasFailed(session, other));
      if (row >= 0) {
        scope.goTo(row);
        scope.select(row);
      }
    },
    onlyErrors: () => search.setFilter({ ...search.filter, status: onlyErrors ? "any" : "error" }),
    // One root stays open: a single line says nothing.
    foldAll: () => tree.setLevels(layout.roots.length === 1 ? 2 : 1),
    openAll: () => tree.setLevels(Number.POSITIVE_INFINITY),
    level: (key) => tree.setLevels(Number(key) || 1),
    focus: () => scope.setRoot(scope.root === activeRow ? -1 : activeRow),
    unfocus: () => scope.setRoot(layout.parent[scope.root] ?? -1),
    zoomSpan: () => time.zoomToTimes(times.start[activeRow] ?? 0, times.end[activeRow] ?? 0),
    zoomIn: () => time.zoom(ZOOM_STEP),
    zoomOut: () => time.zoom(1 / ZOOM_STEP),
    zoomReset: time.reset,
    panLeft: () => time.pan(-PAN_STEP),
    panRight: () => time.pan(PAN_STEP),
    critical: () => scope.change({ critical: !options.critical }),
    gaps: () => scope.change({ gaps: !options.gaps }),
    overview: () => scope.change({ overview: !scope.overview }),
    self: () => scope.change({ self: !options.self }),
    sums: () => scope.change({ sums: !options.sums }),
    byName: () => scope.showOther("names"),
    flame: () => scope.showOther("flame"),
    previousRun: () => scope.showOther("previous"),
    replay: () => {
      if (!session.growing) {
        scope.player.press();
      }
    },
    narrower: () => scope.resizeName(-NAME_STEP_PIXELS),
    wider: () => scope.resizeName(NAME_STEP_PIXELS),
    help: scope.toggleHelp,
    leave: scope.leave,
  };
}
