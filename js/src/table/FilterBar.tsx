/** The filter: a box for text, a pill for each condition, and the whole of it as text. */
import type { JSX, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import {
  condition,
  join,
  OPERATORS,
  type Pill,
  quoted,
  split,
  typedValue,
  withPill,
} from "./pills";
import type { TableSession } from "./session";

/** What is offered first; any field of the language may be typed. */
const FIELDS = [
  "state",
  "name",
  "start_time",
  "duration_ms",
  "tokens",
  "cost",
  "span_count",
  "error_count",
  "session",
  "user",
  "experiment",
  "text",
  "tags.",
  "metadata.",
  "span.name",
  "span.type",
  "span.status",
  "span.model",
  "span.duration_ms",
  "span.inputs",
  "span.outputs",
  "span.attributes.",
  "feedback.",
  "expectation.",
  "trace_id",
];

export interface FilterBarProps {
  session: TableSession;
  pills: readonly Pill[];
  search: RefObject<HTMLInputElement | null>;
  /** Number of the pill that is edited, -1 for a new one, null for none. */
  editing: number | null;
  onEdit: (index: number | null) => void;
  onFilter: (filter: string) => void;
}

/** The condition of the text box. */
function isText(pill: Pill): boolean {
  return pill.parts?.field === "text" && /^'%.*%'$/s.test(pill.parts.value);
}

export function FilterBar(props: FilterBarProps): JSX.Element {
  const { session, pills, search, editing, onEdit, onFilter } = props;
  const [raw, setRaw] = useState(false);
  const textPill = pills.find(isText);
  const searched = textPill?.parts ? typedValue(textPill.parts.value).slice(1, -1) : "";
  const input = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (search.current && document.activeElement !== search.current) {
      search.current.value = searched;
    }
    if (input.current && session.fault === "") {
      input.current.value = session.filter;
    }
  }, [searched, search, raw, session.filter, session.fault]);
  const searchFor = (text: string): void => {
    const others = pills.filter((pill) => !isText(pill));
    const added = text.trim() === "" ? others : [...others, textCondition(text.trim())];
    onFilter(join(added));
  };
  return (
    <div class="nbt-filter">
      <div class="nbt-filter-line">
        <input
          type="search"
          ref={search}
          class="nbt-input nbt-search"
          placeholder="Search text"
          aria-label="Search in names, inputs, outputs, messages and errors"
          onKeyDown={(event) => event.key === "Enter" && searchFor(event.currentTarget.value)}
          onInput={(event) => event.currentTarget.value === "" && searched && searchFor("")}
        />
        {pills.map((pill, index) => (
          <span class="nbt-pill" key={pill.text}>
            <button type="button" title="Change this condition" onClick={() => onEdit(index)}>
              {pill.parts ? (
                <>
                  {pill.parts.field} <i>{pill.parts.operator}</i> <b>{shownValue(pill)}</b>
                </>
              ) : (
                pill.text
              )}
            </button>
            <button
              type="button"
              aria-label={`Remove ${pill.text}`}
              onClick={() => onFilter(join(pills.filter((_, other) => other !== index)))}
            >
              ×
            </button>
          </span>
        ))}
        <button
          type="button"
          class="nbt-button"
          aria-expanded={editing === -1}
          onClick={() => onEdit(-1)}
        >
          + Filter
        </button>
        <button
          type="button"
          class="nbt-button"
          aria-pressed={raw}
          title="Write the filter as text"
          onClick={() => setRaw(!raw)}
        >
          {"</>"}
        </button>
        {pills.length > 1 && (
          <button type="button" class="nbt-button" onClick={() => onFilter("")}>
            Clear
          </button>
        )}
      </div>
      {editing !== null && (
        <Editor
          key={editing}
          pill={pills[editing] ?? null}
          onCancel={() => onEdit(null)}
          onApply={(pill) => {
            onEdit(null);
            onFilter(
              join(
                editing < 0
                  ? withPill(pills, pill)
                  : pills.map((old, index) => (index === editing ? pill : old)),
              ),
            );
          }}
        />
      )}
      {raw && (
        <textarea
          ref={input}
          class="nbt-input nbt-raw"
          rows={2}
          spellcheck={false}
          aria-label="The filter as text; Enter searches"
          onKeyDown={(event) => {
            if (event.key === "Enter" && !event.shiftKey) {
              event.preventDefault();
              onFilter(event.currentTarget.value);
            }
          }}
        />
      )}
      {session.fault !== "" && (
        <pre class="nbt-fault" role="alert">
          {session.fault}
        </pre>
      )}
    </div>
  );
}

function textCondition(text: string): Pill {
  return split(`text ILIKE ${quoted(`%${text}%`)}`)[0] as Pill;
}

/** A pill's value as people read it: times without their fractions. */
function shownValue(pill: Pill): string {
  const value = pill.parts?.value ?? "";
  const ids = pill.parts?.field === "trace_id" ? value.split(",").length : 1;
  if (ids > 1) {
    return `${ids} ids`;
  }
  return value.replace(/'(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z'/g, "$1 $2Z");
}

interface EditorProps {
  pill: Pill | null;
  onApply: (pill: Pill) => void;
  onCancel: () => void;
}

function Editor({ pill, onApply, onCancel }: EditorProps): JSX.Element {
  const [field, setField] = useState(pill?.parts?.field ?? "");
  const [operator, setOperator] = useState(pill?.parts?.operator ?? "=");
  const [value, setValue] = useState(typedValue(pill?.parts?.value ?? ""));
  const [text, setText] = useState(pill?.text ?? "");
  const whole = pill !== null && pill.parts === null;
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const apply = (event: Event): void => {
    event.preventDefault();
    if (whole) {
      onApply({ text, parts: null });
    } else if (field.trim() !== "") {
      onApply(condition(field.trim(), operator, value));
    }
  };
  return (
    <form
      class="nbt-editor"
      aria-label={pill ? "Change a condition" : "Add a condition"}
      onSubmit={apply}
      onKeyDown={(event) => event.key === "Escape" && onCancel()}
    >
      {whole ? (
        <input
          class="nbt-input nbt-wide"
          ref={first}
          aria-label="Condition"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      ) : (
        <>
          <input
            class="nbt-input"
            ref={first}
            list="nbt-fields"
            placeholder="field"
            aria-label="Field"
            value={field}
            onInput={(event) => setField(event.currentTarget.value)}
          />
          <datalist id="nbt-fields">
            {FIELDS.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
          <select
            class="nbt-input"
            aria-label="Operator"
            value={operator}
            onChange={(event) => setOperator(event.currentTarget.value)}
          >
            {OPERATORS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
          {!operator.startsWith("IS") && (
            <input
              class="nbt-input"
              placeholder={
                operator.endsWith("IN") ? "a, b" : operator === "BETWEEN" ? "1, 9" : "value"
              }
              aria-label="Value"
              value={value}
              onInput={(event) => setValue(event.currentTarget.value)}
            />
          )}
        </>
      )}
      <button type="submit" class="nbt-button nbt-main">
        Apply
      </button>
      <button type="button" class="nbt-button" onClick={onCancel}>
        Cancel
      </button>
    </form>
  );
}
