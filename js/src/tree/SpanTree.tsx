/** The tree and timeline of one trace, with the panel of the selected span. */
import type { JSX, TargetedEvent } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Details } from "../details/Details";
import { Help } from "../page/Help";
import { listHeight, scrollToLine, visibleSlice } from "../page/window";
import { ABSENT } from "./columns";
import { Header } from "./Header";
import { BINDINGS, type Command, commandOf } from "./keys";
import { Row } from "./Row";
import type { TreeSession } from "./session";
import { Head } from "./Timeline";
import type { Line } from "./tree";
import { type Tree, useSession, useTree } from "./useTree";

/** Kept in step with `.nbt-row` in styles.css. */
const LINE_HEIGHT = 24;
const TREE_HEIGHT = 336;

export interface SpanTreeProps {
  session: TreeSession;
  /** The selection, shared with the kernel, as a span id; empty for none. */
  selectedId: string;
  onSelect: (spanId: string) => void;
}

let views = 0;

export function SpanTree({ session, selectedId, onSelect }: SpanTreeProps): JSX.Element {
  useSession(session);
  const tree = useTree(session);
  const [viewId] = useState(() => `nbt-${++views}`);
  const [active, setActive] = useState(-1);
  const [help, setHelp] = useState(false);
  const [nameWidth, setNameWidth] = useState<number | null>(null);
  const wanted = useRef(-1);
  const { rows } = session;
  const list = useScroll(tree.lines.length);
  const selected = selectedId === "" ? -1 : rows.find(selectedId);
  const activeRow = active >= 0 ? active : Math.max(selected, tree.lines[0]?.row ?? -1);
  const activeIndex = tree.lineOf(activeRow);

  // A row that was asked for while it was folded away is scrolled to once it has a line.
  useLayoutEffect(() => {
    const index = wanted.current < 0 ? -1 : tree.lineOf(wanted.current);
    if (index >= 0) {
      wanted.current = -1;
      list.show(index);
    }
  });

  const goTo = (index: number): void => {
    const line = tree.lines[Math.max(0, Math.min(index, tree.lines.length - 1))];
    if (line) {
      setActive(line.row);
      list.show(tree.lineOf(line.row));
      if (selected >= 0) {
        onSelect(rows.id(line.row));
      }
    }
  };
  const select = (index: number): void => {
    const row = tree.lines[index]?.row ?? -1;
    if (row >= 0) {
      setActive(row);
      onSelect(rows.id(row));
    }
  };
  const nextError = (): void => {
    const row = tree.nextError(activeRow);
    if (row >= 0) {
      tree.reveal(row);
      setActive(row);
      wanted.current = row;
      onSelect(rows.id(row));
    }
  };
  const run = (command: Command, event: KeyboardEvent): void => {
    const line = tree.lines[activeIndex];
    const page = Math.max(1, Math.floor(list.height / LINE_HEIGHT) - 1);
    const actions: Record<Command, () => void> = {
      next: () => goTo(activeIndex + 1),
      previous: () => goTo(activeIndex - 1),
      pageDown: () => goTo(activeIndex + page),
      pageUp: () => goTo(activeIndex - page),
      first: () => goTo(0),
      last: () => goTo(tree.lines.length - 1),
      open: () => openOrEnter(tree, line, () => goTo(activeIndex + 1)),
      close: () => closeOrLeave(tree, line, (index) => goTo(index)),
      details: () => (selected === activeRow ? onSelect("") : select(activeIndex)),
      leave: () => {
        if (help || selected >= 0) {
          setHelp(false);
          onSelect("");
        } else {
          (event.currentTarget as HTMLElement).blur();
        }
      },
      nextError,
      foldAll: tree.foldAll,
      openAll: tree.openAll,
      help: () => setHelp((shown) => !shown),
    };
    actions[command]();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const command = commandOf(event);
    if (command !== null) {
      event.preventDefault();
      run(command, event);
    }
  };

  const now = session.now();
  const live = session.summary?.finished === false;
  const { version } = rows;
  const axis = useMemo(() => timeAxis(session, now), [session, rows, version, live ? now : 0]);
  const showTokens = (session.summary?.tokens ?? null) !== null;
  const slice = visibleSlice(tree.lines.length, LINE_HEIGHT, list.top, list.height);
  const columns = `${nameWidth === null ? "minmax(110px, 38%)" : `${nameWidth}px`} ${
    showTokens ? "64px " : ""
  }72px minmax(60px, 1fr)`;
  const name = nameWidth ?? Math.max(110, list.width * 0.38);
  const timeWidth = list.width - name - (showTokens ? 72 : 0) - 80 - 36;
  const shown = activeIndex >= slice.from && activeIndex < slice.to;
  return (
    <div class="nbt-tree" style={{ "--nbt-columns": columns }}>
      <Header
        session={session}
        onFoldAll={tree.foldAll}
        onOpenAll={tree.openAll}
        onNextError={nextError}
        onHelp={() => setHelp((value) => !value)}
      />
      {help && <Help bindings={BINDINGS} onClose={() => setHelp(false)} />}
      <div class="nbt-panes">
        <div
          class="nbt-grid"
          role="treegrid"
          aria-label={`Spans of ${session.summary?.name ?? "the trace"}`}
          aria-rowcount={tree.lines.length + 1}
          aria-colcount={showTokens ? 4 : 3}
          {...(shown ? { "aria-activedescendant": `${viewId}-${activeRow}` } : {})}
          tabIndex={0}
          onKeyDown={onKeyDown}
        >
          <Head
            length={axis.length}
            width={timeWidth}
            showTokens={showTokens}
            onResize={setNameWidth}
          />
          <div class="nbt-scroll" ref={list.element} role="presentation" onScroll={list.onScroll}>
            <div
              class="nbt-list"
              role="presentation"
              style={{ height: `${listHeight(tree.lines.length, LINE_HEIGHT)}px` }}
            >
              {tree.lines.slice(slice.from, slice.to).map((line, offset) => (
                <Row
                  key={line.row}
                  id={`${viewId}-${line.row}`}
                  rows={rows}
                  line={line}
                  index={slice.from + offset}
                  top={(slice.from + offset) * LINE_HEIGHT}
                  axis={axis}
                  now={now}
                  active={line.row === activeRow}
                  selected={line.row === selected}
                  showTokens={showTokens}
                  onToggle={tree.toggle}
                  onSelect={select}
                />
              ))}
            </div>
          </div>
          {tree.lines.length === 0 && <p class="nbt-note">Waiting for the first span…</p>}
        </div>
        {selected >= 0 && (
          <Details key={selected} session={session} row={selected} onClose={() => onSelect("")} />
        )}
      </div>
    </div>
  );
}

/** Right arrow: unfold, or go to the first child. */
function openOrEnter(tree: Tree, line: Line | undefined, enter: () => void): void {
  if (line && line.children > 0) {
    if (line.open) {
      enter();
    } else {
      tree.toggle(line);
    }
  }
}

/** Left arrow: fold, or go to the parent. */
function closeOrLeave(tree: Tree, line: Line | undefined, goTo: (index: number) => void): void {
  if (line?.open) {
    tree.toggle(line);
  } else if (line) {
    let index = tree.lineOf(line.row);
    while (index >= 0 && (tree.lines[index]?.depth ?? 0) >= line.depth) {
      index -= 1;
    }
    if (index >= 0) {
      goTo(index);
    }
  }
}

/** From the earliest start to the latest end; late spans may lie outside the root. */
function timeAxis(session: TreeSession, now: number): { from: number; length: number } {
  const { rows } = session;
  const from = session.origin();
  let to = from;
  for (let row = 0; row < rows.length; row++) {
    if (rows.state[row] !== ABSENT) {
      const end = rows.end[row] ?? Number.NaN;
      to = Math.max(to, Number.isNaN(end) ? now : end);
    }
  }
  return { from, length: Math.max(1, to - from) };
}

interface Scroll {
  element: { current: HTMLDivElement | null };
  top: number;
  height: number;
  width: number;
  onScroll: (event: TargetedEvent<HTMLDivElement>) => void;
  show: (index: number) => void;
}

function useScroll(total: number): Scroll {
  const element = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(TREE_HEIGHT);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const node = element.current;
    if (!node) {
      return;
    }
    const observer = new ResizeObserver(() => {
      setHeight(node.clientHeight || TREE_HEIGHT);
      setWidth(node.clientWidth || 600);
    });
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  return {
    element,
    // A fold may have shortened the list since the last scroll event.
    top: Math.max(0, Math.min(top, listHeight(total, LINE_HEIGHT) - height)),
    height,
    width,
    onScroll: (event) => setTop(event.currentTarget.scrollTop),
    show: (index) => {
      const node = element.current;
      if (node) {
        node.scrollTop = scrollToLine(index, LINE_HEIGHT, node.scrollTop, node.clientHeight);
      }
    },
  };
}
