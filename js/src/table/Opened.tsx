/** The opened trace below the rows: its tags, its neighbours, its tree. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { count } from "../page/format";
import { TagFields } from "../page/TagFields";
import { treeView } from "../tree/view";
import { tagPill } from "./columns";
import type { OpenedTrace } from "./openedTrace";
import type { Pill } from "./pills";
import type { TableSession } from "./session";

export interface OpenedProps {
  session: TableSession;
  opened: OpenedTrace;
  onStep: (step: number) => void;
  onClose: () => void;
  onPill: (pill: Pill) => void;
}

export function Opened({ session, opened, onStep, onClose, onPill }: OpenedProps): JSX.Element {
  const [, setTick] = useState(0);
  useEffect(() => {
    const redraw = (): void => setTick((value) => value + 1);
    const names = treeView.observed.map((name) => `change:${name}`);
    for (const name of names) {
      opened.model.on(name, redraw);
    }
    return () => {
      for (const name of names) {
        opened.model.off(name, redraw);
      }
    };
  }, [opened]);
  const { place } = opened;
  return (
    <section class="nbt-opened" aria-label="The opened trace">
      <header class="nbt-opened-head">
        <button
          type="button"
          class="nbt-button"
          aria-label="Previous trace"
          title="Previous trace (↑)"
          disabled={!place}
          onClick={() => onStep(-1)}
        >
          ‹
        </button>
        <button
          type="button"
          class="nbt-button"
          aria-label="Next trace"
          title="Next trace (↓)"
          disabled={place == null || place + 1 >= session.lines}
          onClick={() => onStep(1)}
        >
          ›
        </button>
        <span class="nbt-bulk-words">
          {place == null
            ? place === null && "not in this search"
            : `${count(place + 1)} of ${count(session.lines)}`}
        </span>
        <Tags session={session} opened={opened} onPill={onPill} />
        <span class="nbt-tools">
          <button
            type="button"
            class="nbt-button"
            title={opened.id}
            onClick={() => void navigator.clipboard?.writeText(opened.id)}
          >
            Copy id
          </button>
          <button type="button" class="nbt-button" aria-label="Close the trace" onClick={onClose}>
            ×
          </button>
        </span>
      </header>
      {opened.error !== "" ? (
        <p class="nbt-note">{opened.error}</p>
      ) : (
        treeView.draw(opened.tree, opened.model, () => setTick((value) => value + 1))
      )}
    </section>
  );
}

/** A trace's tags, changed in place. */
function Tags(props: Pick<OpenedProps, "session" | "opened" | "onPill">): JSX.Element {
  const { session, opened, onPill } = props;
  const [editing, setEditing] = useState<{ name: string; value: string } | null>(null);
  const chosen = { all: false, ids: new Set([opened.id]) };
  const tags = Object.entries(opened.row?.tags ?? {});
  return (
    <span class="nbt-tags">
      {tags.map(([key, value]) => (
        <span class="nbt-pill nbt-tag-pill" key={key}>
          <button
            type="button"
            title="Change this tag; with Alt only traces with it"
            onClick={(event) =>
              event.altKey ? onPill(tagPill(key, value, false)) : setEditing({ name: key, value })
            }
          >
            <i>{key}</i> <b>{value}</b>
          </button>
          <button
            type="button"
            aria-label={`Remove the tag ${key}`}
            onClick={() => void session.tag(chosen, key, null)}
          >
            ×
          </button>
        </span>
      ))}
      {editing ? (
        <TagEditor
          {...editing}
          onCancel={() => setEditing(null)}
          onSet={(key, value) => {
            setEditing(null);
            void session.tag(chosen, key, value);
          }}
        />
      ) : (
        <button
          type="button"
          class="nbt-button"
          onClick={() => setEditing({ name: "", value: "" })}
        >
          + Tag
        </button>
      )}
    </span>
  );
}

interface TagEditorProps {
  name: string;
  value: string;
  onSet: (key: string, value: string) => void;
  onCancel: () => void;
}

function TagEditor(props: TagEditorProps): JSX.Element {
  const [name, setName] = useState(props.name);
  const [value, setValue] = useState(props.value);
  const key = useRef<HTMLInputElement>(null);
  const text = useRef<HTMLInputElement>(null);
  useEffect(() => (props.name === "" ? key : text).current?.focus(), [props.name]);
  return (
    <form
      class="nbt-editor"
      aria-label="Tag"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() !== "") {
          props.onSet(name.trim(), value);
        }
      }}
      onKeyDown={(event) => event.key === "Escape" && props.onCancel()}
    >
      <TagFields
        name={name}
        value={value}
        onName={setName}
        onValue={setValue}
        nameRef={key}
        valueRef={text}
      />
      <button type="submit" class="nbt-button nbt-main">
        Set
      </button>
    </form>
  );
}
