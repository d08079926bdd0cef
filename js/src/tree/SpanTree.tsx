/** The tree and timeline of one trace, with the panel of the selected span. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { VALUE_BINDINGS } from "../details/keys";
import { Help } from "../page/Help";
import { useSizes } from "../page/remembered";
import { useScroll } from "../page/useScroll";
import { listHeight, visibleSlice } from "../page/window";
import { commandsOf } from "./commands";
import { Header, type Menu } from "./Header";
import { BINDINGS, type Command, commandOf, SEARCH_BINDINGS, SPLITTER_BINDINGS } from "./keys";
import { Legend } from "./Legend";
import { placeAmong } from "./layout";
import { FilterMenu, ViewMenu, type ViewOptions } from "./Menus";
import { Notices } from "./Notices";
import { type Other, OtherView } from "./OtherView";
import { Overview } from "./Overview";
import { type PictureFormat, savePicture } from "./picture";
import { ReplayBar } from "./ReplayBar";
import { type Columns, Row, type RowsView } from "./Row";
import { askedWords } from "./SearchBox";
import { Side } from "./Side";
import { Splitter } from "./Splitter";
import type { TreeSession } from "./session";
import { GapLines, Head, NARROWEST_NAME } from "./Timeline";
import { useAxis } from "./useAxis";
import { useDragZoom } from "./useDragZoom";
import { useReplay } from "./useReplay";
import { useSearch } from "./useSearch";
import { useFocus, useSession, useTree } from "./useTree";
import { emptyWords, said } from "./words";

/** Kept in step with `.nbt-row` in tree.css. */
const LINE_HEIGHT = 24;
const TREE_HEIGHT = 336;
/** Smaller traces are their own overview. */
const OVERVIEW_FROM_SPANS = 40;
const NAME_SHARE = 0.38;
const LEAST_NAME_PIXELS = 110;
const MOST_NAME_SHARE = 0.8;
/** What a person may size; kept in the browser. */
const PARTS = ["name", "height", "sideWidth", "sideHeight"] as const;
const HELP_PARTS = {
  "In the search box": SEARCH_BINDINGS,
  "In the values of a span": VALUE_BINDINGS,
  "On a bar between two parts": SPLITTER_BINDINGS,
};
const NARROW_PIXELS = 480;
const LEAST_SLOTS = 64;

export interface SpanTreeProps {
  session: TreeSession;
  /** The selection, shared with the kernel, as a span id; empty for none. */
  selectedId: string;
  onSelect: (spanId: string) => void;
}

let views = 0;
/** A further tree of the page begins as the last one was left. */
let lastOptions: ViewOptions = {
  critical: false,
  gaps: false,
  self: false,
  sums: false,
  overview: null,
};

export function SpanTree({ session, selectedId, onSelect }: SpanTreeProps): JSX.Element {
  useSession(session);
  const { rows, summary } = session;
  const analysis = session.analysis();
  const [viewId] = useState(() => `nbt-${++views}`);
  const [options, setOptions] = useState(lastOptions);
  const [active, setActive] = useState(-1);
  const [help, setHelp] = useState(false);
  const [menu, setMenu] = useState<Menu>(null);
  const [other, setOther] = useState<Other | null>(null);
  const [fault, setFault] = useState("");
  const [sizes, resize] = useSizes("tree", PARTS);
  const wanted = useRef(-1);
  const input = useRef<HTMLInputElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  const panes = useRef<HTMLDivElement>(null);
  const [root, setRoot] = useFocus(analysis);
  const search = useSearch(session, analysis, root);
  const time = useAxis(analysis, session.now(), session.growing, options.gaps);
  const player = useReplay(time.axis);
  const tree = useTree({
    session,
    analysis,
    root,
    setRoot,
    kept: search.kept,
    until: player.until,
  });
  const zooming = useDragZoom(grid, time);
  const { lines } = tree;
  const list = useScroll(lines.length, LINE_HEIGHT, TREE_HEIGHT);
  const selected = selectedId === "" ? -1 : rows.find(selectedId);
  const first = lines[0] ?? -1;
  const activeRow = active >= 0 ? active : selected >= 0 ? selected : first;
  const activeIndex = tree.lineOf(activeRow);

  // A row that was asked for while it was folded away is scrolled to once it has a line.
  useLayoutEffect(() => {
    const index = wanted.current < 0 ? -1 : tree.lineOf(wanted.current);
    if (index >= 0) {
      wanted.current = -1;
      list.show(index);
    }
  });

  const change = (next: Partial<ViewOptions>): void => {
    lastOptions = { ...options, ...next };
    setOptions(lastOptions);
  };
  const goTo = (row: number): void => {
    setActive(row);
    wanted.current = row;
    if (tree.lineOf(row) < 0) {
      tree.reveal(row);
    }
    if (selected >= 0) {
      onSelect(rows.id(row));
    }
  };
  const select = (row: number): void => {
    setActive(row);
    onSelect(rows.id(row));
  };
  const leave = (): void => {
    if (menu !== null || help) {
      setMenu(null);
      setHelp(false);
    } else if (selected >= 0) {
      onSelect("");
    } else if (player.replay) {
      player.close();
    } else if (search.text !== "") {
      search.setText("");
    } else {
      grid.current?.blur();
    }
  };
  const overview =
    options.overview ?? (analysis.layout.order.length >= OVERVIEW_FROM_SPANS || !!time.zoomed);
  const toggleHelp = (): void => setHelp((shown) => !shown);
  const name = Math.min(
    sizes.name ?? Math.max(LEAST_NAME_PIXELS, list.width * NAME_SHARE),
    list.width * MOST_NAME_SHARE,
  );
  const commands = commandsOf({
    session,
    analysis,
    tree,
    search,
    time,
    player,
    options,
    overview,
    root,
    setRoot,
    activeRow,
    activeIndex,
    page: Math.max(1, Math.floor(list.height / LINE_HEIGHT) - 1),
    selected,
    goTo,
    select,
    deselect: () => onSelect(""),
    change,
    leave,
    showOther: setOther,
    focusSearch: () => input.current?.select(),
    resizeName: (pixels) => resize("name", Math.max(NARROWEST_NAME, name + pixels)),
    toggleHelp,
  });
  const run = (command: Command, key = ""): void => commands[command](key);
  const save = (format: PictureFormat): void => {
    setFault("");
    setMenu(null);
    savePicture(session, format).catch((error: Error) => setFault(error.message));
  };
  const closeOther = (): void => {
    setOther(null);
    // The grid comes back with the next frame.
    setTimeout(() => grid.current?.focus(), 0);
  };

  const narrow = list.width < NARROW_PIXELS;
  const knowsTokens = (summary?.tokens ?? null) !== null;
  const columns: Columns = {
    tokens: knowsTokens && !narrow,
    cost: options.sums && (summary?.cost ?? null) !== null && !narrow,
    self: options.self,
    sums: options.sums,
  };
  const figures = [columns.tokens, columns.cost, columns.self].filter(Boolean).length;
  const template = `${sizes.name === undefined ? "minmax(110px, 38%)" : `${name}px`} ${"68px ".repeat(
    figures,
  )}72px minmax(40px, 1fr)`;
  const timeWidth = list.width - name - figures * 76 - 80 - 20;
  const slice = visibleSlice(lines.length, LINE_HEIGHT, list.top, list.height);
  const shown = activeIndex >= slice.from && activeIndex < slice.to;
  const view: RowsView = {
    id: viewId,
    rows,
    analysis,
    scale: time.scale,
    // Another machine's clock may be ahead: what has ended is drawn to its end.
    now: Math.min(
      player.until,
      Math.max(session.growing ? session.now() : analysis.now, analysis.times.to),
    ),
    columns,
    critical: options.critical,
    pattern: search.pattern,
    where: search.where,
    onToggle: tree.toggle,
    onSelect: select,
    onFocus: setRoot,
    onZoom: (row) => time.zoomToTimes(analysis.times.start[row] ?? 0, analysis.times.end[row] ?? 0),
  };
  const matchAt = placeAmong(analysis.layout, search.matches, activeRow) + 1;
  const slots = Math.max(LEAST_SLOTS, slice.to - slice.from);
  const drawn = Array.from(lines.subarray(slice.from, slice.to));
  return (
    <div
      class="nbt-tree"
      style={{
        "--nbt-columns": template,
        ...(sizes.height === undefined ? {} : { "--nbt-height": `${sizes.height}px` }),
      }}
      onPointerDown={(event) => {
        const target = event.target as Element;
        if (menu !== null && !target.closest(".nbt-pop, .nbt-tools")) {
          setMenu(null);
        }
      }}
    >
      <Header
        session={session}
        search={search}
        input={input}
        at={matchAt}
        menu={menu}
        zoomed={time.zoomed !== null}
        onMatch={(step) => run(step > 0 ? "nextMatch" : "previousMatch")}
        onLeave={() => grid.current?.focus()}
        onMenu={setMenu}
        onResetZoom={time.reset}
        onNextError={() => run("nextError")}
        onCompare={() => run("previousRun")}
        onHelp={toggleHelp}
      />
      {help && <Help bindings={BINDINGS} parts={HELP_PARTS} onClose={() => setHelp(false)} />}
      {menu === "filter" && (
        <FilterMenu
          search={search}
          total={analysis.times.to - analysis.times.from}
          onClose={() => closeMenu(setMenu, grid.current)}
        />
      )}
      {menu === "view" && (
        <ViewMenu
          options={options}
          overview={overview}
          gaps={analysis.gaps.length}
          hasTokens={knowsTokens}
          canReplay={!session.growing}
          run={run}
          onSave={save}
          onClose={() => closeMenu(setMenu, grid.current)}
        />
      )}
      {fault && (
        <p class="nbt-note" role="alert">
          {fault}
        </p>
      )}
      <Notices session={session} analysis={analysis} root={root} onFocus={setRoot} />
      <ReplayBar player={player} axis={time.axis} />
      {overview && <Overview rows={rows} analysis={analysis} time={time} until={player.until} />}
      {other && (
        <OtherView
          other={other}
          session={session}
          analysis={analysis}
          onClose={closeOther}
          onPick={(row) => {
            closeOther();
            goTo(row);
            select(row);
          }}
        />
      )}
      <div class="nbt-panes" ref={panes} hidden={other !== null}>
        <div
          ref={grid}
          class="nbt-grid"
          role="treegrid"
          aria-label={`Spans of ${summary?.name ?? "the trace"}`}
          aria-rowcount={lines.length + 1}
          aria-colcount={figures + 3}
          {...(shown ? { "aria-activedescendant": `${viewId}-${activeRow}` } : {})}
          tabIndex={0}
          onKeyDown={(event) => {
            const command = commandOf(event);
            if (command !== null) {
              event.preventDefault();
              run(command, event.key);
            }
          }}
          onPointerDown={zooming.onPointerDown}
          onPointerMove={zooming.onPointerMove}
          onPointerUp={zooming.onPointerUp}
          onClickCapture={zooming.onClickCapture}
        >
          <Head
            scale={time.scale}
            width={timeWidth}
            columns={columns}
            onResize={(pixels) => resize("name", pixels)}
          />
          <div
            class="nbt-scroll"
            ref={list.element}
            role="rowgroup"
            // Browsers make what scrolls a tab stop of its own.
            tabIndex={-1}
            onScroll={list.onScroll}
          >
            <div
              class="nbt-list"
              role="presentation"
              style={{ height: `${listHeight(lines.length, LINE_HEIGHT)}px` }}
            >
              <GapLines scale={time.scale} />
              {drawn.map((row, offset) => (
                <Row
                  // By slot: a line that scrolls out lends its elements to one that scrolls in.
                  key={(slice.from + offset) % slots}
                  view={view}
                  row={row}
                  depth={tree.depthOf(row)}
                  open={tree.isOpen(row)}
                  index={slice.from + offset}
                  top={(slice.from + offset) * LINE_HEIGHT}
                  active={row === activeRow}
                  selected={row === selected}
                />
              ))}
            </div>
          </div>
          {zooming.marked && <div class="nbt-drag" style={pixels(zooming.marked)} />}
          {lines.length === 0 && (
            <p class="nbt-note">{emptyWords(session, search.kept !== null)}</p>
          )}
        </div>
        {selected >= 0 && (
          <Side
            session={session}
            row={selected}
            box={panes.current?.clientWidth ?? 0}
            sizes={sizes}
            onSize={resize}
            onClose={() => onSelect("")}
            onHelp={toggleHelp}
          />
        )}
      </div>
      <Legend kinds={analysis.kinds} filter={search.filter} onFilter={search.setFilter} />
      {analysis.layout.order.length > 1 && (
        <Splitter
          label="Height of the tree"
          direction="y"
          size={sizes.height ?? list.height}
          least={72}
          most={3000}
          onSize={(size) => resize("height", size)}
        />
      )}
      <p class="nbt-unseen" role="status" aria-live="polite">
        {said(search.text === "" ? "" : askedWords(search), matchAt, search.kept, lines.length)}
      </p>
    </div>
  );
}

function closeMenu(setMenu: (menu: Menu) => void, grid: HTMLElement | null): void {
  setMenu(null);
  grid?.focus();
}

function pixels(box: { left: number; width: number }): { left: string; width: string } {
  return { left: `${box.left}px`, width: `${box.width}px` };
}
