/** A plain text as it is, its start first: a browser needs seconds to lay out megabytes. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { count, size } from "../page/format";
import { visible } from "./visible";

/** What is shown of a text at once, then ten times that with each click. */
const SHOWN_CHARACTERS = 20_000;
/** More lines than these are folded where a text is one among others. */
const FOLDED_LINES = 12;
const FOLDED_WIDTH = 100;

export interface TextBlockProps {
  text: string;
  code?: boolean;
  /** Whether a long text shows only its first lines until it is asked for. */
  folded?: boolean;
  /** How many lines are shown while it is folded. */
  lines?: number;
  mark?: string;
}

export function TextBlock(props: TextBlockProps): JSX.Element {
  const { code, folded, lines = FOLDED_LINES, mark } = props;
  const text = props.text.trimEnd();
  const [open, setOpen] = useState(!folded);
  const [shown, setShown] = useState(SHOWN_CHARACTERS);
  const head = firstLines(text, lines);
  const start = open ? text.slice(0, shown) : head;
  const left = text.length - start.length;
  return (
    <>
      <div class={code ? "nbt-plain nbt-code" : "nbt-plain"}>
        {mark ? marked(start, mark) : visible(start)}
        {left > 0 && !open && "…"}
      </div>
      {left > 0 && (
        <button
          type="button"
          class="nbt-button nbt-unfold"
          onClick={() => (open ? setShown(shown * 10) : setOpen(true))}
        >
          {open ? `Show more (${size(left)} left)` : `Show all ${told(text)}`}
        </button>
      )}
      {open && folded && text.length > head.length && left === 0 && (
        <button type="button" class="nbt-button nbt-unfold" onClick={() => setOpen(false)}>
          Show less
        </button>
      )}
    </>
  );
}

function told(text: string): string {
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    lines += 1;
  }
  return lines > 1 ? `${count(lines)} lines` : size(text.length);
}

/** The start of a text that is shown while it is folded; all of it if it is short. */
export function firstLines(text: string, lines = FOLDED_LINES): string {
  let end = -1;
  for (let line = 0; line < lines; line++) {
    end = text.indexOf("\n", end + 1);
    if (end < 0) {
      end = text.length;
      break;
    }
  }
  const most = lines * FOLDED_WIDTH;
  const limit = Math.min(end, most);
  // What would save a line or two is not worth a click.
  return text.length - limit < most / 4 ? text : text.slice(0, limit);
}

const MAX_MARKS = 200;

/** A text with the places of a searched text marked. */
export function marked(text: string, wanted: string): (string | JSX.Element)[] {
  const lower = text.toLowerCase();
  const query = wanted.toLowerCase();
  const parts: (string | JSX.Element)[] = [];
  let from = 0;
  // Lower case may change lengths; then the places would not be those of the text.
  for (let count = 0; lower.length === text.length && count < MAX_MARKS; count++) {
    const at = lower.indexOf(query, from);
    if (at < 0) {
      break;
    }
    parts.push(
      visible(text.slice(from, at)),
      <mark key={count}>{visible(text.slice(at, at + query.length))}</mark>,
    );
    from = at + query.length;
  }
  parts.push(visible(text.slice(from)));
  return parts;
}
