/** The search box, with the number of matches and a way from one to the next. */
import type { JSX, RefObject } from "preact";
import { count } from "../page/format";
import { searchCommandOf } from "./keys";
import type { Search } from "./useSearch";

export interface SearchBoxProps {
  search: Search;
  input: RefObject<HTMLInputElement | null>;
  /** Which match the active row is, from 1; 0 when it is none. */
  at: number;
  onMatch: (step: 1 | -1) => void;
  onLeave: () => void;
}

export function SearchBox({ search, input, at, onMatch, onLeave }: SearchBoxProps): JSX.Element {
  const total = search.matches.length;
  return (
    <span class={search.text === "" ? "nbt-finder" : "nbt-finder nbt-used"} role="search">
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d="M7 3a4 4 0 1 0 0 8a4 4 0 1 0 0-8zM10 10l3.5 3.5" />
      </svg>
      <input
        ref={input}
        type="text"
        placeholder="Search"
        aria-label="Search names and values"
        aria-invalid={search.broken}
        spellcheck={false}
        value={search.text}
        onInput={(event) => search.setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          const command = searchCommandOf(event);
          if (command === null) {
            return;
          }
          event.preventDefault();
          event.stopPropagation();
          if (command === "next") {
            onMatch(event.shiftKey ? -1 : 1);
            return;
          }
          if (command === "clear") {
            search.setText("");
          }
          onLeave();
        }}
      />
      {search.text !== "" && (
        <>
          <span class="nbt-found" title={askedWords(search)}>
            {search.broken ? "not a regex" : `${at > 0 ? `${count(at)}/` : ""}${count(total)}`}
            {search.asked === "asking" || search.asked === "busy" ? "…" : ""}
          </span>
          <button
            type="button"
            class="nbt-button"
            aria-label="Previous match"
            title="Previous match (N)"
            onClick={() => onMatch(-1)}
          >
            ↑
          </button>
          <button
            type="button"
            class="nbt-button"
            aria-label="Next match"
            title="Next match (n)"
            onClick={() => onMatch(1)}
          >
            ↓
          </button>
          <button
            type="button"
            class={search.hiding ? "nbt-button nbt-on" : "nbt-button"}
            aria-pressed={search.hiding}
            title="Only matches (h)"
            onClick={() => search.setHiding(!search.hiding)}
          >
            only
          </button>
        </>
      )}
    </span>
  );
}

/** What the count is of. */
export function askedWords({ asked, matches, text }: Search): string {
  if (text === "") {
    return "";
  }
  const there = matches.length === 1 ? "1 span matches" : `${count(matches.length)} spans match`;
  if (typeof asked === "object") {
    return `${there} by name; the values could not be searched: ${asked.failed}`;
  }
  const words = {
    no: there,
    told: there,
    asking: `${there} so far, the kernel is searching the values`,
    busy: `${there} so far; the kernel is busy and searches the values when it is free`,
  };
  return words[asked];
}
