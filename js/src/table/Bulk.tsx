/** The line below the rows: the selection and what can be done with it, and how far that is. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { count, counted } from "../page/format";
import { TagFields } from "../page/TagFields";
import { ALL, type Chosen, NONE } from "./chosen";
import { type Export, save } from "./export";
import type { TableSession } from "./session";

export type Asking = "" | "tag" | "delete";

export interface BulkProps {
  session: TableSession;
  asking: Asking;
  onAsk: (asking: Asking) => void;
  /** Back to the rows, where the person came from. */
  onDone: () => void;
}

const traces = (number: number): string => counted(number, "trace");

export function Bulk({ session, asking, onAsk, onDone }: BulkProps): JSX.Element | null {
  const chosen = session.chosenCount;
  const [running, setRunning] = useState<Export | null>(null);
  const [, redraw] = useState(0);
  const exportAs = async (form: "csv" | "json"): Promise<void> => {
    const state: Export = { rows: 0, stopped: false };
    setRunning(state);
    const what: Chosen = chosen > 0 ? session.chosen : ALL;
    await save(session, form, what, state, () => redraw((value) => value + 1));
    setRunning(null);
  };
  const done = (): void => {
    onAsk("");
    onDone();
  };
  return (
    <div class="nbt-bulk" role="status">
      {asking === "tag" ? (
        <TagForm session={session} number={chosen} onDone={done} />
      ) : asking === "delete" ? (
        <Confirm session={session} number={chosen} onDone={done} />
      ) : (
        <>
          {chosen > 0 && <span class="nbt-bulk-words">{count(chosen)} selected</span>}
          {chosen > 0 && (
            <>
              <button type="button" class="nbt-button" onClick={() => onAsk("tag")}>
                Tag…
              </button>
              <button type="button" class="nbt-button" onClick={() => onAsk("delete")}>
                Delete…
              </button>
              {chosen < session.lines && (
                <button type="button" class="nbt-button" onClick={() => session.choose(ALL)}>
                  Select all {count(session.lines)}
                </button>
              )}
              <button type="button" class="nbt-button" onClick={() => session.choose(NONE)}>
                Clear
              </button>
            </>
          )}
          <span class="nbt-bulk-words">
            <Done session={session} />
          </span>
          <span class="nbt-tools">
            {running ? (
              <>
                <span class="nbt-bulk-words">{traces(running.rows)} fetched…</span>
                <button
                  type="button"
                  class="nbt-button"
                  onClick={() => {
                    running.stopped = true;
                    setRunning(null);
                  }}
                >
                  Cancel
                </button>
              </>
            ) : (
              (["csv", "json"] as const).map((form) => (
                <button
                  type="button"
                  class="nbt-button"
                  key={form}
                  title={`Save ${chosen > 0 ? "the selected" : "all"} traces as ${form.toUpperCase()}`}
                  disabled={session.lines === 0}
                  onClick={() => void exportAs(form)}
                >
                  ↓ {form.toUpperCase()}
                </button>
              ))
            )}
          </span>
        </>
      )}
      <Working session={session} />
    </div>
  );
}

/** What was done last, with the way back. */
function Done({ session }: { session: TableSession }): JSX.Element | null {
  const { work, trouble } = session;
  if (trouble !== "") {
    return <span class="nbt-errors">{trouble}</span>;
  }
  if (!work?.finished) {
    return null;
  }
  const words = { tag: "changed", untag: "changed back", delete: "deleted", restore: "restored" }[
    work.work
  ];
  return (
    <>
      {traces(work.done)} {words}
      {work.error !== null && <span class="nbt-errors"> · {work.error}</span>}
      {work.undo && (
        <button type="button" class="nbt-button nbt-main" onClick={() => void session.undo()}>
          Undo
        </button>
      )}
    </>
  );
}

function Working({ session }: { session: TableSession }): JSX.Element | null {
  const { work } = session;
  return work && !work.finished ? (
    <span class="nbt-bulk-words">
      <progress max={work.total} value={work.done} />
      {count(work.done)} of {traces(work.total)}
      <button type="button" class="nbt-button" onClick={() => void session.ask("cancel", {})}>
        Cancel
      </button>
    </span>
  ) : null;
}

interface FormProps {
  session: TableSession;
  number: number;
  onDone: () => void;
}

function TagForm({ session, number, onDone }: FormProps): JSX.Element {
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const apply = (wanted: string | null): void => {
    if (key.trim() !== "") {
      void session.tag(session.chosen, key.trim(), wanted);
      onDone();
    }
  };
  return (
    <form
      class="nbt-editor"
      aria-label="Tag the selected traces"
      onSubmit={(event) => {
        event.preventDefault();
        apply(value);
      }}
      onKeyDown={(event) => event.key === "Escape" && onDone()}
    >
      <span>Tag {traces(number)}</span>
      <TagFields name={key} value={value} onName={setKey} onValue={setValue} nameRef={first} />
      <button type="submit" class="nbt-button nbt-main">
        Set
      </button>
      <button type="button" class="nbt-button" onClick={() => apply(null)}>
        Remove
      </button>
      <button type="button" class="nbt-button" onClick={onDone}>
        Cancel
      </button>
    </form>
  );
}

function Confirm({ session, number, onDone }: FormProps): JSX.Element {
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  return (
    <span
      class="nbt-editor"
      role="alertdialog"
      aria-label={`Delete ${traces(number)}?`}
      onKeyDown={(event) => event.key === "Escape" && onDone()}
    >
      <span>Delete {traces(number)}?</span>
      <button
        type="button"
        class="nbt-button nbt-danger"
        onClick={() => {
          void session.ask("delete", {
            selection: { all: session.chosen.all, ids: [...session.chosen.ids] },
          });
          onDone();
        }}
      >
        Delete
      </button>
      <button type="button" class="nbt-button" ref={first} onClick={onDone}>
        Keep
      </button>
    </span>
  );
}
