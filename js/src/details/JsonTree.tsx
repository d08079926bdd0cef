/**
 * A value as a tree that opens by mouse and keys: types, counts, search, copying of a value and of
 * the way to it. Numbers are shown as they were written.
 */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { count } from "../page/format";
import { useCopy } from "./CopyButton";
import { JsonRow } from "./JsonRow";
import { type JsonNode, plainText } from "./jsonIndex";
import {
  CHILDREN_AT_ONCE,
  isContainer,
  type JsonFolds,
  type JsonLine,
  linesOf,
  MAX_LINES,
  openAll,
  openAtFirst,
  pythonPath,
  revealed,
  searchJson,
} from "./jsonRows";
import { type ValueCommand, valueCommandOf } from "./keys";

const GLANCE_CHARACTERS = 500;

export interface JsonTreeProps {
  text: string;
  root: JsonNode;
  /** What the tree shows, for people: "Inputs". */
  label: string;
  /** Where the value is in Python: `.inputs` makes `["a"]` into `.inputs["a"]`. */
  from?: string;
  /** Lines that open by themselves. */
  budget?: number;
}

let trees = 0;

export function JsonTree({ text, root, label, from = "", budget }: JsonTreeProps): JSX.Element {
  const [id] = useState(() => `nbt-json-${++trees}`);
  const [folds, setFolds] = useState<JsonFolds>(() => ({
    open: openAtFirst(text, root, budget),
    limits: new Map(),
  }));
  const [active, setActive] = useState("");
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  const [query, setQuery] = useState<string | null>(null);
  const [match, setMatch] = useState(0);
  const place = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const copy = useCopy();
  const lines = useMemo(() => linesOf(text, root, folds), [text, root, folds]);
  const matches = useMemo(() => (query ? searchJson(text, root, query) : []), [text, root, query]);
  const activeIndex = Math.max(
    0,
    lines.findIndex((line) => line.path === active && line.more === 0),
  );
  useEffect(() => {
    if (query !== null) {
      field.current?.focus();
    }
  }, [query === null]);

  const show = (path: string): void => {
    setActive(path);
    queueMicrotask(() =>
      requestAnimationFrame(() =>
        place.current?.querySelector(`[data-path="${path}"]`)?.scrollIntoView({ block: "nearest" }),
      ),
    );
  };
  const goTo = (index: number): void => {
    const line = lines[Math.max(0, Math.min(index, lines.length - 1))];
    if (line) {
      show(line.path);
    }
  };
  const setOpen = (line: JsonLine, open: boolean): void => {
    const next = new Set(folds.open);
    if (open) {
      next.add(line.path);
    } else {
      next.delete(line.path);
    }
    setFolds({ open: next, limits: folds.limits });
  };
  const toggle = (line: JsonLine): void => {
    if (line.more > 0) {
      const limits = new Map(folds.limits);
      const listed = limits.get(line.path) ?? CHILDREN_AT_ONCE;
      limits.set(line.path, listed + Math.max(CHILDREN_AT_ONCE, listed));
      setFolds({ open: folds.open, limits });
    } else if (isContainer(line.node)) {
      setOpen(line, !line.open);
    } else {
      const next = new Set(unfolded);
      if (!next.delete(line.path)) {
        next.add(line.path);
      }
      setUnfolded(next);
    }
  };
  const copyValue = (line: JsonLine): void => {
    void copy("the value", plainText(text, line.node));
  };
  const copyPath = (line: JsonLine): void => {
    void copy("the path", `${from}${pythonPath(lines, lines.indexOf(line))}`);
  };
  const goToMatch = (index: number): void => {
    const path = matches[index];
    if (path !== undefined) {
      setMatch(index);
      setFolds(revealed(folds, path));
      setUnfolded(new Set(unfolded).add(path));
      show(path);
    }
  };
  const search = (wanted: string): void => {
    setQuery(wanted);
    const first = wanted === "" ? undefined : searchJson(text, root, wanted)[0];
    setMatch(0);
    if (first !== undefined) {
      setFolds(revealed(folds, first));
      setUnfolded(new Set(unfolded).add(first));
      show(first);
    }
  };
  const run = (command: ValueCommand): void => {
    const line = lines[activeIndex];
    if (!line) {
      return;
    }
    const actions: Record<ValueCommand, () => void> = {
      next: () => goTo(activeIndex + 1),
      previous: () => goTo(activeIndex - 1),
      first: () => goTo(0),
      last: () => goTo(lines.length - 1),
      open: () => (line.open ? goTo(activeIndex + 1) : toggle(line)),
      close: () => (line.open ? setOpen(line, false) : goTo(line.parent)),
      toggle: () => toggle(line),
      openAll: () =>
        setFolds({
          open: new Set([...folds.open, ...openAll(text, line.node, line.path)]),
          limits: folds.limits,
        }),
      copyValue: () => copyValue(line),
      copyPath: () => copyPath(line),
      search: () => setQuery(query ?? ""),
    };
    actions[command]();
  };
  // A value that is seen at a glance needs no tools.
  const small = !isContainer(root) || text.length < GLANCE_CHARACTERS;
  return (
    <div class="nbt-json" ref={place}>
      {(!small || query !== null) && (
        <div class="nbt-json-tools">
          {query === null ? (
            <button type="button" class="nbt-button" onClick={() => setQuery("")}>
              Search
            </button>
          ) : (
            <>
              <input
                ref={field}
                class="nbt-field"
                type="search"
                aria-label={`Search in ${label}`}
                placeholder="Search keys and values"
                value={query}
                onInput={(event) => search(event.currentTarget.value)}
                onKeyDown={(event) => {
                  if (event.key === "Enter") {
                    const step = event.shiftKey ? matches.length - 1 : 1;
                    goToMatch((match + step) % Math.max(1, matches.length));
                  } else if (event.key === "Escape") {
                    event.stopPropagation();
                    setQuery(null);
                  }
                }}
              />
              <span class="nbt-quiet" role="status">
                {query === ""
                  ? ""
                  : matches.length === 0
                    ? "not found"
                    : `${match + 1} of ${count(matches.length)}`}
              </span>
            </>
          )}
          <button
            type="button"
            class="nbt-button"
            onClick={() => setFolds({ open: openAll(text, root), limits: folds.limits })}
          >
            Open all
          </button>
          <button
            type="button"
            class="nbt-button"
            onClick={() => setFolds({ open: new Set([""]), limits: new Map() })}
          >
            Close all
          </button>
        </div>
      )}
      <div
        class="nbt-json-lines"
        role="tree"
        tabIndex={0}
        aria-label={label}
        aria-activedescendant={`${id}-${activeIndex}`}
        onKeyDown={(event) => {
          const command = event.target === event.currentTarget ? valueCommandOf(event) : null;
          if (command !== null) {
            event.preventDefault();
            run(command);
          }
        }}
      >
        {lines.map((line, index) => (
          <JsonRow
            key={line.more > 0 ? `${line.path}+` : line.path}
            id={`${id}-${index}`}
            text={text}
            line={line}
            active={index === activeIndex}
            current={query !== null && matches[match] === line.path && line.more === 0}
            unfolded={unfolded.has(line.path)}
            mark={query ?? ""}
            onToggle={() => {
              setActive(line.path);
              toggle(line);
            }}
            onCopyValue={() => copyValue(line)}
            onCopyPath={() => copyPath(line)}
          />
        ))}
      </div>
      {lines.length >= MAX_LINES && (
        <p class="nbt-note">Only the first {count(MAX_LINES)} lines are shown: close some.</p>
      )}
    </div>
  );
}
