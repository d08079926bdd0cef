/** Two traces as one list of spans, with what was added, removed, changed, slower and faster. */
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Help } from "../page/Help";
import { useScroll } from "../page/useScroll";
import { listHeight, visibleSlice } from "../page/window";
import { BINDINGS, type Command, commandOf } from "./keys";
import { Line } from "./Line";
import type { Comparison } from "./session";
import { differs, hasChildren, nextDifference, parentOf, shownLines } from "./shown";
import { Totals } from "./Totals";
import { Values } from "./Values";

const LINE_HEIGHT = 24;
const LIST_HEIGHT = 336;

let views = 0;

export function TraceDiff({ session }: { session: Comparison }): JSX.Element {
  const [, redraw] = useState(0);
  useEffect(() => session.subscribe(() => redraw((value) => value + 1)), [session]);
  const { data } = session;
  const { lines } = data;
  const [viewId] = useState(() => `nbt-diff-${++views}`);
  const [only, setOnly] = useState(true);
  const [folded, setFolded] = useState<ReadonlySet<number>>(new Set());
  const [active, setActive] = useState(0);
  const [selected, setSelected] = useState(-1);
  const [help, setHelp] = useState(false);
  const shown = useMemo(() => shownLines(lines, only, folded), [lines, only, folded]);
  const differences = useMemo(() => lines.filter(differs).length, [lines]);
  const list = useScroll(shown.length, LINE_HEIGHT, LIST_HEIGHT);
  const index = Math.max(0, shown.indexOf(active));

  // All lines came after the first ones: places are others.
  useEffect(() => {
    setSelected(-1);
    setActive(0);
    setFolded(new Set());
  }, [lines]);

  const goTo = (to: number): void => {
    const place = shown[Math.max(0, Math.min(to, shown.length - 1))];
    if (place !== undefined) {
      setActive(place);
      list.show(shown.indexOf(place));
      if (selected >= 0) {
        setSelected(place);
      }
    }
  };
  const toggle = (place: number): void => {
    const next = new Set(folded);
    if (!next.delete(place)) {
      next.add(place);
    }
    setFolded(next);
  };
  const reveal = (place: number): void => {
    const next = new Set(folded);
    for (let above = parentOf(lines, place); above >= 0; above = parentOf(lines, above)) {
      next.delete(above);
    }
    setFolded(next);
    setActive(place);
    list.show(shownLines(lines, only, next).indexOf(place));
    if (selected >= 0) {
      setSelected(place);
    }
  };
  const run = (command: Command, event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(list.height / LINE_HEIGHT) - 1);
    const parent = hasChildren(lines, active);
    const actions: Record<Command, () => void> = {
      next: () => goTo(index + 1),
      previous: () => goTo(index - 1),
      pageDown: () => goTo(index + page),
      pageUp: () => goTo(index - page),
      first: () => goTo(0),
      last: () => goTo(shown.length - 1),
      open: () => (parent && folded.has(active) ? toggle(active) : goTo(index + 1)),
      close: () =>
        parent && !folded.has(active)
          ? toggle(active)
          : goTo(Math.max(0, shown.indexOf(parentOf(lines, active)))),
      values: () => setSelected(selected === active ? -1 : active),
      nextDifference: () => {
        const found = nextDifference(lines, active);
        if (found >= 0) {
          reveal(found);
        }
      },
      all: () => setOnly(!only),
      leave: () => {
        if (help || selected >= 0) {
          setHelp(false);
          setSelected(-1);
        } else {
          (event.currentTarget as HTMLElement).blur();
        }
      },
      help: () => setHelp(!help),
    };
    actions[command]();
  };
  const slice = visibleSlice(shown.length, LINE_HEIGHT, list.top, list.height);
  const seen = index >= slice.from && index < slice.to;
  const line = lines[selected];
  return (
    <div class="nbt-compare">
      <header class="nbt-header">
        <Totals data={data} />
        <span class="nbt-tools">
          <label class="nbt-check">
            <input
              type="checkbox"
              checked={only}
              onChange={(event) => setOnly(event.currentTarget.checked)}
            />
            differences only
          </label>
          <button
            type="button"
            class="nbt-button"
            title="Keyboard (?)"
            aria-label="Keyboard"
            onClick={() => setHelp(!help)}
          >
            ?
          </button>
        </span>
      </header>
      {help && <Help bindings={BINDINGS} onClose={() => setHelp(false)} />}
      <div class="nbt-panes">
        <div
          class="nbt-grid"
          role="treegrid"
          aria-label={`Spans of both traces, ${differences} differ`}
          aria-rowcount={shown.length + 1}
          aria-colcount={5}
          {...(seen ? { "aria-activedescendant": `${viewId}-${active}` } : {})}
          tabIndex={0}
          onKeyDown={(event) => {
            const command = commandOf(event);
            if (command !== null) {
              event.preventDefault();
              run(command, event);
            }
          }}
        >
          <div class="nbt-head nbt-diff-row" role="row" aria-rowindex={1}>
            <div role="columnheader" aria-label="Sign" />
            <div class="nbt-name" role="columnheader">
              Span
            </div>
            <div role="columnheader">Change</div>
            <div class="nbt-figure" role="columnheader">
              Before
            </div>
            <div class="nbt-figure" role="columnheader">
              After
            </div>
          </div>
          <div class="nbt-scroll" ref={list.element} role="presentation" onScroll={list.onScroll}>
            <div
              class="nbt-list"
              role="presentation"
              style={{ height: `${listHeight(shown.length, LINE_HEIGHT)}px` }}
            >
              {shown.slice(slice.from, slice.to).map((place, offset) => {
                const shownLine = lines[place];
                return (
                  shownLine && (
                    <Line
                      key={place}
                      id={`${viewId}-${place}`}
                      line={shownLine}
                      index={slice.from + offset}
                      top={(slice.from + offset) * LINE_HEIGHT}
                      parent={hasChildren(lines, place)}
                      open={!folded.has(place)}
                      active={place === active}
                      selected={place === selected}
                      onToggle={() => toggle(place)}
                      onSelect={() => {
                        setActive(place);
                        setSelected(selected === place ? -1 : place);
                      }}
                    />
                  )
                );
              })}
            </div>
          </div>
          {differences === 0 && <p class="nbt-note">Both traces did the same.</p>}
        </div>
        {line && session.whole && (
          <Values
            key={selected}
            session={session}
            place={selected}
            line={line}
            onClose={() => setSelected(-1)}
          />
        )}
      </div>
    </div>
  );
}
