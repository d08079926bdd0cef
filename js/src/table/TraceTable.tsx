/** The table of traces: the filter, the charts, the rows, and the opened trace. */
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Help } from "../page/Help";
import { type Asking, Bulk } from "./Bulk";
import { Charts } from "./Charts";
import { ColumnChooser } from "./ColumnChooser";
import { ALL, including, isChosen, NONE, toggle } from "./chosen";
import { COLUMN_IDS, type Column, columnOf, HIDDEN_IDS, nextOrder } from "./columns";
import { FACETS, Facets } from "./Facets";
import { FilterBar } from "./FilterBar";
import { Groups } from "./Groups";
import { Head } from "./Head";
import { MEASURES } from "./histogram";
import { BINDINGS, type Command, commandOf } from "./keys";
import { type Layout, layoutOf, moved, resized, withGroups } from "./layout";
import { Opened } from "./Opened";
import { join, type Pill, split, withPill } from "./pills";
import { LINE_HEIGHT, shownPixels, visibleLines } from "./place";
import { Row, type RowHands } from "./Row";
import type { TableSession } from "./session";
import { type Popup, TableHeader } from "./TableHeader";
import { useScroll } from "./useScroll";

/** Kept in step with `.nbt-trace-head` in table.css. */
const HEAD_HEIGHT = 28;
const CHECK_WIDTH = 32;
const RESIZE_STEP = 24;
/** While a trace is open the rows keep this share of their height. */
const OPENED_SHARE = 0.55;
/** Rows drawn above and below those that are seen. */
const SPARE_LINES = 4;
/** The opened trace follows the keys once they rest. */
const FOLLOW_MS = 150;

export interface TraceTableProps {
  session: TableSession;
  height: number;
  layout: unknown;
  onLayout: (layout: Layout | null) => void;
}

let views = 0;

export function TraceTable(props: TraceTableProps): JSX.Element {
  const { session } = props;
  const [, setTick] = useState(0);
  useEffect(() => session.subscribe(() => setTick((value) => value + 1)), [session]);
  const [viewId] = useState(() => `nbt-table-${++views}`);
  const [active, setActive] = useState({ place: 0, column: 0 });
  const [popup, setPopup] = useState<Popup>("");
  const [editing, setEditing] = useState<number | null>(null);
  const [asking, setAsking] = useState<Asking>("");
  const anchor = useRef(0);
  const grid = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const follow = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const layout = layoutOf(props.layout, COLUMN_IDS, HIDDEN_IDS);
  const columns = useMemo(
    () =>
      layout.order.filter((id) => !layout.hidden.includes(id)).flatMap((id) => columnOf(id) ?? []),
    [props.layout],
  );
  const widths = columns.map((column) => layout.widths[column.id] ?? column.width);
  const pills = split(session.filter);
  const total = session.lines;
  const height = Math.round(props.height * (session.opened ? OPENED_SHARE : 1));
  const list = useScroll(total, HEAD_HEIGHT, height);
  const { from, to } = visibleLines(list.place, list.extent);
  const first = Math.max(0, from - SPARE_LINES);
  const last = Math.min(total, to + SPARE_LINES);
  const place = Math.min(active.place, Math.max(0, total - 1));
  const column = Math.min(active.column, columns.length - 1);

  // Each render may show other rows; what is there already is not asked for again.
  useEffect(() => session.pages.want(first, last));
  useLayoutEffect(() => {
    list.toStart();
    setActive((old) => ({ place: 0, column: old.column }));
    anchor.current = 0;
  }, [session.begun]);
  useEffect(() => {
    if (layout.charts) {
      session.wantFigures(
        "histogram",
        MEASURES.map((measure) => measure.figure),
      );
    } else {
      session.unwantFigures("histogram");
    }
    if (layout.facets) {
      session.wantFigures(
        "facet",
        FACETS.map((facet) => facet.figure),
      );
    } else {
      session.unwantFigures("facet");
    }
  }, [session, layout.charts, layout.facets, session.version >= 0]);

  const focus = (): void => grid.current?.focus({ preventScroll: true });
  const filterBy = (filter: string): void => session.search(filter);
  const addPill = (pill: Pill): void => filterBy(join(withPill(pills, pill)));
  const togglePill = (pill: Pill): void =>
    filterBy(
      join(
        pills.some((other) => other.text === pill.text)
          ? pills.filter((other) => other.text !== pill.text)
          : withPill(pills, pill),
      ),
    );
  const keep = (next: Layout): void => props.onLayout(next);
  const open = (at: number): void => {
    const row = session.pages.at(at);
    if (row) {
      session.openTrace({ id: row.id, place: at, row });
    }
  };
  const goTo = (wanted: number): void => {
    const at = Math.max(0, Math.min(wanted, total - 1));
    setActive({ place: at, column });
    list.show(at);
    if (session.opened) {
      clearTimeout(follow.current);
      follow.current = setTimeout(() => open(at), FOLLOW_MS);
    }
  };
  const choose = async (at: number, range: boolean): Promise<void> => {
    const row = session.pages.at(at);
    if (range) {
      const ids = await session.idsBetween(
        Math.min(anchor.current, at),
        Math.max(anchor.current, at),
      );
      session.choose(including(session.chosen, ids, true));
    } else if (row) {
      anchor.current = at;
      session.choose(toggle(session.chosen, row.id));
    }
  };
  const chooseAll = (): void => session.choose(session.chosenCount === total ? NONE : ALL);
  const press = (at: number, index: number, event: MouseEvent): void => {
    setActive({ place: at, column: index });
    if (event.shiftKey || event.ctrlKey || event.metaKey) {
      void choose(at, event.shiftKey);
    } else {
      open(at);
    }
    focus();
  };
  const sort = (what: Column): void =>
    session.search(session.filter, nextOrder(what, session.order));
  const pillHere = (exclude: boolean): void => {
    const row = session.pages.at(place);
    const pill = row && columns[column]?.only?.(row, exclude);
    // Of a cell with several values, or with none to compare, a person says what is meant.
    if (pill) {
      addPill(pill);
    } else {
      setEditing(-1);
    }
  };
  const shift = (step: number): void => {
    const here = columns[column];
    const there = columns[column + step];
    if (here && there) {
      keep(moved(layout, here.id, there.id));
      setActive({ place, column: column + step });
    }
  };
  const widen = (step: number): void => {
    const here = columns[column];
    if (here) {
      keep(resized(layout, here.id, (widths[column] ?? here.width) + step));
    }
  };
  const leave = (event: KeyboardEvent): void => {
    if (popup !== "") {
      setPopup("");
    } else if (session.opened) {
      session.openTrace(null);
    } else {
      (event.currentTarget as HTMLElement).blur();
    }
  };
  const run = (command: Command, event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(list.extent.view / LINE_HEIGHT) - 1);
    const here = session.pages.at(place);
    const actions: Record<Command, () => void> = {
      next: () => goTo(place + 1),
      previous: () => goTo(place - 1),
      right: () => setActive({ place, column: Math.min(column + 1, columns.length - 1) }),
      left: () => setActive({ place, column: Math.max(column - 1, 0) }),
      pageDown: () => goTo(place + page),
      pageUp: () => goTo(place - page),
      first: () => goTo(0),
      last: () => goTo(total - 1),
      open: () => (here && session.opened?.id === here.id ? session.openTrace(null) : open(place)),
      select: () => void choose(place, event.shiftKey),
      all: chooseAll,
      sort: () => columns[column] && sort(columns[column]),
      only: () => pillHere(false),
      exclude: () => pillHere(true),
      narrower: () => widen(-RESIZE_STEP),
      wider: () => widen(RESIZE_STEP),
      before: () => shift(-1),
      after: () => shift(1),
      search: () => search.current?.focus(),
      filter: () => setEditing(-1),
      tag: () => setAsking(session.chosenCount > 0 ? "tag" : ""),
      delete: () => setAsking(session.chosenCount > 0 ? "delete" : ""),
      undo: () => void (session.work?.undo && session.undo()),
      columns: () => setPopup(popup === "columns" ? "" : "columns"),
      charts: () => keep({ ...layout, charts: !layout.charts }),
      facets: () => keep({ ...layout, facets: !layout.facets }),
      groups: () => keep(withGroups(layout)),
      refresh: () => void session.ask("refresh", {}),
      help: () => setPopup(popup === "help" ? "" : "help"),
      leave: () => leave(event),
    };
    actions[command]();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a") {
      event.preventDefault();
      session.choose(ALL);
      return;
    }
    const command = commandOf(event);
    if (command !== null) {
      event.preventDefault();
      if (event.shiftKey && (command === "next" || command === "previous")) {
        const at = Math.max(0, Math.min(place + (command === "next" ? 1 : -1), total - 1));
        void choose(at, true);
      }
      run(command, event);
    }
  };
  const latest = useRef<RowHands | null>(null);
  latest.current = {
    press,
    choose: (at, event) => {
      setActive({ place: at, column });
      void choose(at, event.shiftKey);
      focus();
    },
    pill: addPill,
  };
  const [hands] = useState<RowHands>(() => ({
    press: (at, index, event) => latest.current?.press(at, index, event),
    choose: (at, event) => latest.current?.choose(at, event),
    pill: (pill) => latest.current?.pill(pill),
  }));
  const inside = place >= first && place < last;
  const template = `${CHECK_WIDTH}px ${widths
    .map((width, index) => (index === widths.length - 1 ? `minmax(${width}px, 1fr)` : `${width}px`))
    .join(" ")}`;
  const least = widths.reduce((sum, width) => sum + width, CHECK_WIDTH);
  return (
    <div class="nbt-table-root" style={{ "--nbt-columns": template, "--nbt-least": `${least}px` }}>
      <TableHeader
        session={session}
        layout={layout}
        popup={popup}
        onLayout={keep}
        onPopup={(name) => setPopup(popup === name ? "" : name)}
      />
      {popup === "help" && <Help bindings={BINDINGS} onClose={() => setPopup("")} />}
      {popup === "columns" && (
        <ColumnChooser
          layout={layout}
          onLayout={keep}
          onReset={() => props.onLayout(null)}
          onClose={() => {
            setPopup("");
            focus();
          }}
        />
      )}
      <FilterBar
        session={session}
        pills={pills}
        search={search}
        editing={editing}
        onEdit={setEditing}
        onFilter={filterBy}
      />
      {layout.charts && (
        <Charts
          session={session}
          pills={pills}
          onRange={addPill}
          onClear={(field) =>
            filterBy(
              join(
                pills.filter(
                  (pill) => pill.parts?.field !== field || pill.parts.operator !== "BETWEEN",
                ),
              ),
            )
          }
        />
      )}
      {layout.groups !== "" && (
        <Groups
          session={session}
          by={layout.groups}
          pills={pills}
          onBy={(groups) => keep({ ...layout, groups })}
          onToggle={togglePill}
        />
      )}
      <div class="nbt-body">
        {layout.facets && (
          <Facets session={session} pills={pills} height={height} onToggle={togglePill} />
        )}
        <div
          class="nbt-trace-grid"
          role="grid"
          ref={grid}
          aria-label="Traces"
          aria-rowcount={total + 1}
          aria-colcount={columns.length + 1}
          aria-multiselectable="true"
          aria-busy={session.searching}
          {...(inside ? { "aria-activedescendant": `${viewId}-${place}-${column}` } : {})}
          tabIndex={0}
          onKeyDown={onKeyDown}
        >
          <div
            class="nbt-trace-scroll"
            ref={list.element}
            role="presentation"
            style={{ height: `${height}px` }}
            onScroll={list.onScroll}
          >
            <Head
              columns={columns}
              widths={widths}
              order={session.order}
              chosen={
                session.chosenCount === 0 ? "none" : session.chosenCount === total ? "all" : "some"
              }
              onChooseAll={chooseAll}
              onSort={sort}
              onResize={(id, width) => {
                const { [id]: _, ...others } = layout.widths;
                keep(width === null ? { ...layout, widths: others } : resized(layout, id, width));
              }}
              onMove={(id, target) => keep(moved(layout, id, target))}
            />
            <div class="nbt-list" role="presentation" style={{ height: `${shownPixels(total)}px` }}>
              {Array.from({ length: last - first }, (_, index) => first + index).map((at) => {
                const row = session.pages.at(at);
                return (
                  <Row
                    key={at}
                    id={`${viewId}-${at}`}
                    row={row}
                    place={at}
                    top={at * LINE_HEIGHT - list.place.offset + list.place.scroll}
                    columns={columns}
                    active={at === place ? column : -1}
                    chosen={row ? isChosen(session.chosen, row.id) : session.chosen.all}
                    opened={row ? session.opened?.id === row.id : false}
                    hands={hands}
                  />
                );
              })}
              {session.total === 0 && (
                <p class="nbt-empty">
                  {session.filter === ""
                    ? "No traces yet: put %%trace on top of a cell and run it."
                    : "No trace satisfies the filter."}
                </p>
              )}
            </div>
          </div>
        </div>
      </div>
      <Bulk session={session} asking={asking} onAsk={setAsking} onDone={focus} />
      {session.opened && (
        <Opened
          key={session.opened.key}
          session={session}
          opened={session.opened}
          onStep={(step) => goTo((session.opened?.place ?? place) + step)}
          onClose={() => {
            session.openTrace(null);
            focus();
          }}
          onPill={addPill}
        />
      )}
    </div>
  );
}
