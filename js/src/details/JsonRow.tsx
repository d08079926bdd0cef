/** One line of a JSON tree. */
import type { ComponentChildren, JSX } from "preact";
import { count, counted, size } from "../page/format";
import { Attached } from "./Attached";
import { type JsonNode, stringOf } from "./jsonIndex";
import { isContainer, isShort, type JsonLine } from "./jsonRows";
import { isImage, referenceOf } from "./media";
import { firstLines, marked, TextBlock } from "./TextBlock";
import { visible } from "./visible";

/** Deeper lines stand below each other: a panel is not as wide as the deepest value. */
const MAX_INDENT = 24;
const INDENT_PIXELS = 14;
/** Room for the triangle; further lines of a string begin to its right. */
const FOLD_PIXELS = 16;
/** A string with more than that says how long it is. */
const COUNTED_CHARACTERS = 120;
/** Of a longer string only this much is decoded for its folded line. */
const DECODED_CHARACTERS = 40_000;

export interface JsonRowProps {
  id: string;
  text: string;
  line: JsonLine;
  active: boolean;
  /** Whether this is the match that the search stands on. */
  current: boolean;
  unfolded: boolean;
  mark: string;
  onToggle: () => void;
  onCopyValue: () => void;
  onCopyPath: () => void;
}

export function JsonRow(props: JsonRowProps): JSX.Element {
  const { line, text, mark } = props;
  const container = isContainer(line.node) && line.more === 0;
  const opens = container && line.node.size > 0;
  const classes = ["nbt-json-line"];
  if (props.active) {
    classes.push("nbt-json-active");
  }
  if (props.current) {
    classes.push("nbt-json-current");
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree has the keys, for all its lines
    <div
      id={props.id}
      class={classes.join(" ")}
      role="treeitem"
      data-path={line.path}
      aria-level={line.depth + 1}
      aria-selected={props.active}
      {...(opens ? { "aria-expanded": line.open } : {})}
      style={{ paddingLeft: `${FOLD_PIXELS + Math.min(line.depth, MAX_INDENT) * INDENT_PIXELS}px` }}
      onClick={(event) => {
        // A click that ends a selection of text is none.
        if (opens || line.more > 0 ? !hasSelection(event.currentTarget) : false) {
          props.onToggle();
        }
      }}
    >
      <span class={`nbt-fold${line.open ? " nbt-open" : ""}`} aria-hidden="true">
        {opens && (
          <svg viewBox="0 0 12 12" aria-hidden="true">
            <path d="M4.5 2.5L8 6L4.5 9.5" />
          </svg>
        )}
      </span>
      {line.more > 0 ? (
        <span class="nbt-link">… {count(line.more)} more</span>
      ) : (
        <>
          {line.key !== null && (
            <>
              <span class={typeof line.key === "string" ? "nbt-key" : "nbt-index"}>
                {typeof line.key === "string" ? shownText(line.key, mark) : line.key}
              </span>
              <span class="nbt-quiet">: </span>
            </>
          )}
          <Shown {...props} text={text} />
          <span class="nbt-json-actions" aria-hidden="true">
            <button
              type="button"
              class="nbt-button"
              tabIndex={-1}
              title="Copy the value (c)"
              onClick={(event) => {
                event.stopPropagation();
                props.onCopyValue();
              }}
            >
              copy
            </button>
            <button
              type="button"
              class="nbt-button"
              tabIndex={-1}
              title="Copy the path (p)"
              onClick={(event) => {
                event.stopPropagation();
                props.onCopyPath();
              }}
            >
              path
            </button>
          </span>
        </>
      )}
    </div>
  );
}

function shownText(text: string, mark: string): ComponentChildren {
  return mark ? marked(text, mark) : visible(text);
}

function hasSelection(element: Element): boolean {
  const selection = globalThis.getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(element, true);
}

function Shown({ text, line, unfolded, mark, onToggle }: JsonRowProps): JSX.Element {
  const { node } = line;
  if (isContainer(node)) {
    return <Group text={text} node={node} open={line.open} />;
  }
  if (node.kind !== "string") {
    const raw = text.slice(node.start, Math.min(node.end, node.start + DECODED_CHARACTERS));
    return <span class={`nbt-${node.kind}`}>{shownText(raw, mark)}</span>;
  }
  const long = node.end - node.start > DECODED_CHARACTERS;
  const cut = { ...node, end: node.start + DECODED_CHARACTERS, closed: false };
  const said = stringOf(text, long && !unfolded ? cut : node);
  const reference = referenceOf(said);
  if (reference) {
    return <Attached key={said} to={reference} />;
  }
  if (isImage(said)) {
    return <img class="nbt-image" src={said} alt="" />;
  }
  const start = firstLines(said);
  const folds = start.length < said.length || long;
  return (
    <span class="nbt-string">
      {unfolded && folds ? (
        <TextBlock text={said} mark={mark} />
      ) : (
        <>
          "{shownText(start, mark)}
          {folds ? "…" : '"'}
        </>
      )}
      {folds ? (
        <button
          type="button"
          class="nbt-button nbt-unfold"
          tabIndex={-1}
          onClick={(event) => {
            event.stopPropagation();
            onToggle();
          }}
        >
          {unfolded ? "Show less" : `Show all ${size(node.end - node.start)}`}
        </button>
      ) : (
        said.length > COUNTED_CHARACTERS && (
          <span class="nbt-count">{count(said.length)} characters</span>
        )
      )}
      {!node.closed && <span class="nbt-cut"> not all of it is here</span>}
    </span>
  );
}

/** An object or list: short ones in full, others by what they hold. */
function Group(props: { text: string; node: JsonNode; open: boolean }): JSX.Element {
  const { text, node, open } = props;
  const [left, right] = node.kind === "array" ? ["[", "]"] : ["{", "}"];
  const noun = node.kind === "array" ? "item" : "key";
  if (!open && (node.size === 0 || isShort(text, node))) {
    return <span class="nbt-quiet">{visible(text.slice(node.start, node.end))}</span>;
  }
  return (
    <>
      {!open && <span class="nbt-quiet">{`${left}…${right} `}</span>}
      <span class="nbt-count">
        {counted(node.size, noun)}
        {!node.closed && " so far"}
      </span>
    </>
  );
}
