/** Feedback on a trace or a span: thumbs with a note, and what others have said. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Changing } from "./Annotations";
import type { AssessmentDetails } from "./types";

const UP =
  "M5 14V7l3-5c1.4 0 1.8 1 1.5 2.2L9 6.5h3.6c1 0 1.6.9 1.3 1.8l-1.4 4.6c-.2.6-.8 1.1-1.5 1.1zM5 7H2.5v7H5";
const SOURCES: Record<string, string> = { HUMAN: "a person", LLM_JUDGE: "a judge", CODE: "code" };
/** The name that the thumbs in a panel store under. */
const THUMBS = "feedback";

export interface FeedbackProps {
  assessments: AssessmentDetails[];
  stored: boolean;
  /** The span that is meant, null for the trace. */
  spanId: string | null;
  change: Changing;
}

export function Feedback(props: FeedbackProps): JSX.Element {
  const { assessments, stored, spanId, change } = props;
  const mine = assessments
    .filter(
      (one) => one.valid && one.name === THUMBS && one.source === "HUMAN" && one.span_id === spanId,
    )
    .at(-1);
  const [note, setNote] = useState<string | null>(null);
  const give = (value: boolean, rationale: string | null): void => {
    void change(
      "feedback",
      { value, rationale, span_id: spanId, assessment_id: mine?.id ?? null },
      value ? "Marked as good" : "Marked as bad",
    ).then((saved) => saved && rationale !== null && setNote(null));
  };
  const good = mine?.value === "true";
  return (
    <>
      {stored && (
        <div class="nbt-thumbs">
          <span class="nbt-quiet">Was this {spanId === null ? "trace" : "span"} good?</span>
          <Thumb up pressed={mine !== undefined && good} onPress={() => give(true, null)} />
          <Thumb pressed={mine?.value === "false"} onPress={() => give(false, null)} />
          {mine && note === null && (
            <button type="button" class="nbt-button" onClick={() => setNote(mine.rationale)}>
              {mine.rationale ? "Edit the note" : "Add a note"}
            </button>
          )}
        </div>
      )}
      {mine && note !== null && (
        <form
          class="nbt-form"
          onSubmit={(event) => {
            event.preventDefault();
            give(good, note);
          }}
        >
          <textarea
            class="nbt-field"
            rows={2}
            aria-label="Note on the feedback"
            placeholder="Why?"
            value={note}
            ref={(element) => element?.focus()}
            onInput={(event) => setNote(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Escape") {
                event.stopPropagation();
                setNote(null);
              } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
                give(good, note);
              }
            }}
          />
          <button type="submit" class="nbt-button nbt-primary">
            Save
          </button>
          <button type="button" class="nbt-button" onClick={() => setNote(null)}>
            Cancel
          </button>
        </form>
      )}
      {assessments.length > 0 && (
        <ul class="nbt-assessments">
          {assessments.map((one) => (
            <Assessment key={one.id} item={one} stored={stored} change={change} />
          ))}
        </ul>
      )}
    </>
  );
}

function Thumb(props: { up?: boolean; pressed: boolean; onPress: () => void }): JSX.Element {
  const { up = false, pressed, onPress } = props;
  return (
    <button
      type="button"
      class={`nbt-button nbt-thumb ${up ? "nbt-up" : "nbt-down"}`}
      aria-pressed={pressed}
      aria-label={up ? "Good" : "Bad"}
      title={up ? "Good" : "Bad"}
      onClick={onPress}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={UP} />
      </svg>
    </button>
  );
}

interface AssessmentProps {
  item: AssessmentDetails;
  stored: boolean;
  change: Changing;
}

function Assessment({ item, stored, change }: AssessmentProps): JSX.Element {
  const [sure, setSure] = useState(false);
  const judged = item.kind === "feedback" && item.valid && item.source !== "HUMAN";
  const boolean = item.value === "true" || item.value === "false";
  const override = (value: boolean): void => {
    void change(
      "feedback",
      { value, rationale: null, span_id: item.span_id, assessment_id: item.id },
      `${item.name} overridden`,
    );
  };
  const source = SOURCES[item.source] ?? "somebody";
  const who = item.source_id === "default" ? source : `${source}: ${item.source_id}`;
  return (
    <li class={item.valid ? "" : "nbt-overridden"}>
      <div class="nbt-assessment-head">
        <strong>{item.name}</strong>
        <span class={valueClass(item)}>{item.error || item.value || "no value"}</span>
        <span class="nbt-quiet">
          {item.kind === "feedback" ? "" : `${item.kind}, `}
          {who}
          {item.valid ? "" : ", overridden"}
        </span>
        {stored && judged && boolean && (
          <button
            type="button"
            class="nbt-button nbt-copy"
            title="Put your own in its place; it is kept"
            aria-label={`Override ${item.name} with ${item.value === "true" ? "false" : "true"}`}
            onClick={() => override(item.value !== "true")}
          >
            Override
          </button>
        )}
        {stored && (
          <button
            type="button"
            class="nbt-button nbt-copy"
            aria-label={`${sure ? "Really delete" : "Delete"} ${item.name}`}
            onBlur={() => setSure(false)}
            onClick={() => {
              if (sure) {
                void change("delete_feedback", { assessment_id: item.id }, `${item.name} deleted`);
              } else {
                setSure(true);
              }
            }}
          >
            {sure ? "Really delete?" : "Delete"}
          </button>
        )}
      </div>
      {item.rationale && <div class="nbt-plain">{item.rationale}</div>}
    </li>
  );
}

function valueClass(item: AssessmentDetails): string {
  if (item.error || item.value === "false") {
    return "nbt-tag nbt-tag-warn";
  }
  return item.value === "true" ? "nbt-tag nbt-tag-good" : "nbt-tag";
}
