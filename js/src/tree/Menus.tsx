/** The two menus of the toolbar: what is filtered, and how it is shown. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { parseDuration, STATUSES, type Status } from "./filter";
import { type Command, keyOf } from "./keys";
import type { PictureFormat } from "./picture";
import type { Search } from "./useSearch";

interface PopProps {
  label: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** A panel below the toolbar that closes with Escape and when the focus leaves it. */
function Pop({ label, onClose, children }: PopProps): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    element.current?.querySelector<HTMLElement>("input, button, select")?.focus();
  }, []);
  return (
    <div
      ref={element}
      class="nbt-pop"
      role="dialog"
      aria-label={label}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          onClose();
        }
      }}
    >
      {children}
    </div>
  );
}

const STATUS_WORDS: Record<Status, string> = {
  any: "any",
  error: "errors",
  open: "running",
  incomplete: "incomplete",
};

export interface FilterMenuProps {
  search: Search;
  total: number;
  onClose: () => void;
}

export function FilterMenu({ search, total, onClose }: FilterMenuProps): JSX.Element {
  const { filter, setFilter } = search;
  const [least, setLeast] = useState("");
  const value = parseDuration(least, total);
  return (
    <Pop label="Filter" onClose={onClose}>
      <label>
        State
        <select
          value={filter.status}
          onChange={(event) =>
            setFilter({ ...filter, status: event.currentTarget.value as Status })
          }
        >
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {STATUS_WORDS[status]}
            </option>
          ))}
        </select>
      </label>
      <label>
        At least
        <input
          type="text"
          placeholder={filter.atLeast > 0 ? "set" : "50 ms or 2 %"}
          aria-invalid={value === null}
          value={least}
          onInput={(event) => {
            setLeast(event.currentTarget.value);
            const atLeast = parseDuration(event.currentTarget.value, total);
            if (atLeast !== null) {
              setFilter({ ...filter, atLeast });
            }
          }}
        />
      </label>
      <Check
        label="Only matches of the search"
        command="hide"
        checked={search.hiding}
        onChange={search.setHiding}
      />
      <Check
        label="Search by regular expression"
        checked={search.regex}
        onChange={search.setRegex}
      />
      <p class="nbt-hint">Kinds are chosen in the line below the tree.</p>
      <button
        type="button"
        class="nbt-button nbt-all"
        onClick={() => {
          search.clear();
          onClose();
        }}
      >
        Show everything
      </button>
    </Pop>
  );
}

export interface ViewOptions {
  critical: boolean;
  gaps: boolean;
  self: boolean;
  sums: boolean;
  /** Null: shown where the trace is large. */
  overview: boolean | null;
}

export interface ViewMenuProps {
  options: ViewOptions;
  overview: boolean;
  /** Number of gaps that can be cut. */
  gaps: number;
  hasTokens: boolean;
  canReplay: boolean;
  run: (command: Command, key?: string) => void;
  onSave: (format: PictureFormat) => void;
  onClose: () => void;
}

export function ViewMenu(props: ViewMenuProps): JSX.Element {
  const { options, run } = props;
  const act = (command: Command) => () => {
    run(command);
    props.onClose();
  };
  return (
    <Pop label="View" onClose={props.onClose}>
      <Check
        label="Critical path"
        command="critical"
        checked={options.critical}
        onChange={() => run("critical")}
      />
      <Check
        label={props.gaps > 0 ? `Cut idle gaps (${props.gaps})` : "Cut idle gaps (none here)"}
        command="gaps"
        checked={options.gaps}
        onChange={() => run("gaps")}
      />
      <Check
        label="Overview strip"
        command="overview"
        checked={props.overview}
        onChange={() => run("overview")}
      />
      <Check label="Self time" command="self" checked={options.self} onChange={() => run("self")} />
      {props.hasTokens && (
        <Check
          label="Sums of tokens and cost"
          command="sums"
          checked={options.sums}
          onChange={() => run("sums")}
        />
      )}
      <div class="nbt-levels" role="group" aria-label="Levels">
        Levels
        {["1", "2", "3", "4", "5"].map((level) => (
          <button
            key={level}
            type="button"
            class="nbt-button"
            aria-label={`Show ${level} levels`}
            onClick={() => run("level", level)}
          >
            {level}
          </button>
        ))}
        <button type="button" class="nbt-button" onClick={() => run("openAll")}>
          all
        </button>
      </div>
      <Item label="Only paths to errors" command="onlyErrors" onClick={act("onlyErrors")} />
      <Item label="Only this span's subtree" command="focus" onClick={act("focus")} />
      <Item label="Zoom to this span" command="zoomSpan" onClick={act("zoomSpan")} />
      <Item label="Next of the same name" command="nextPeer" onClick={act("nextPeer")} />
      {props.canReplay && <Item label="Replay" command="replay" onClick={act("replay")} />}
      <Item label="Spans by name" command="byName" onClick={act("byName")} />
      <Item label="Flame graph" command="flame" onClick={act("flame")} />
      <Item
        label="Compare with the run before"
        command="previousRun"
        onClick={act("previousRun")}
      />
      <Item label="Save as SVG" onClick={() => props.onSave("svg")} />
      <Item label="Save as PNG" onClick={() => props.onSave("png")} />
    </Pop>
  );
}

interface CheckProps {
  label: string;
  command?: Command;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

function Check({ label, command, checked, onChange }: CheckProps): JSX.Element {
  return (
    <label class="nbt-option">
      <input
        type="checkbox"
        checked={checked}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      {label}
      {command && <kbd>{keyOf(command)}</kbd>}
    </label>
  );
}

function Item(props: { label: string; command?: Command; onClick: () => void }): JSX.Element {
  return (
    <button type="button" class="nbt-button nbt-item" onClick={props.onClick}>
      {props.label}
      {props.command && <kbd>{keyOf(props.command)}</kbd>}
    </button>
  );
}
