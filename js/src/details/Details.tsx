/** The panel of one span: all that it holds, each part where a reader looks for it. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { duration } from "../page/format";
import { KindIcon, kindName, StateIcon, stateOf, stateWords } from "../page/kinds";
import type { TreeSession } from "../tree/session";
import { Annotations } from "./Annotations";
import { Attributes, Events } from "./Attributes";
import { Chat } from "./Chat";
import { Documents } from "./Documents";
import { Embeddings } from "./Embeddings";
import { Errors } from "./Errors";
import { CopyMenu, Figures } from "./Head";
import { Links } from "./Links";
import { PanelContext } from "./panel";
import { Section } from "./Section";
import { TextBlock } from "./TextBlock";
import { Tools } from "./Tools";
import type { Details as SpanDetails } from "./types";
import { type Answer, useDetails } from "./useDetails";
import { ValueSection } from "./Value";

export interface DetailsProps {
  session: TreeSession;
  row: number;
  onClose: () => void;
  onHelp: () => void;
}

export function Details({ session, row, onClose, onHelp }: DetailsProps): JSX.Element {
  const { rows } = session;
  const spanId = rows.id(row);
  const state = stateOf(rows.state[row]);
  const answer = useDetails(session, spanId, rows.state[row] ?? 0, state === "open");
  // Spans of other traces that were opened from here, the one that is shown last.
  const [linked, setLinked] = useState<SpanDetails[]>([]);
  const [said, setSaid] = useState("");
  const kind = rows.kinds[row] ?? "UNKNOWN";
  const own = answer.state === "there" ? answer.details : null;
  const shown = linked.at(-1) ?? own;
  const name = shown?.name ?? rows.names[row] ?? "";
  const traceId = shown?.trace_id ?? session.summary?.trace_id ?? "";
  const shownId = shown?.span_id ?? spanId;
  const panel = useMemo(
    () => ({ requests: session.requests, traceId, spanId: shownId, say: setSaid }),
    [session, traceId, shownId],
  );
  const end = rows.end[row] ?? Number.NaN;
  const start = rows.start[row] ?? 0;
  const facts = [
    kindName(kind),
    stateWords(state),
    duration((Number.isNaN(end) ? session.now() : end) - start),
    start > session.origin() ? `at +${duration(start - session.origin())}` : "",
  ].filter(Boolean);
  return (
    <PanelContext.Provider value={panel}>
      <section
        class="nbt-details"
        aria-label={`Details of ${name}`}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            focusTree(event.currentTarget);
          } else if (event.key === "?" && !(event.target as Element).matches("input, textarea")) {
            onHelp();
          }
        }}
      >
        <header>
          <KindIcon kind={shown?.type ?? kind} />
          <h3 title={`span ${shownId}`}>{name}</h3>
          {linked.length === 0 && <StateIcon state={state} />}
          {shown && <CopyMenu details={shown} />}
          <button
            type="button"
            class="nbt-button"
            aria-label="Close details"
            title="Close (Esc)"
            onClick={onClose}
          >
            ×
          </button>
        </header>
        {linked.length > 0 ? (
          <p class="nbt-facts">
            linked from {linked.at(-2)?.name ?? own?.name}{" "}
            <button type="button" class="nbt-button" onClick={() => setLinked(linked.slice(0, -1))}>
              ← Back
            </button>
          </p>
        ) : (
          <p class="nbt-facts">{facts.join(" · ")}</p>
        )}
        {shown ? (
          <Loaded
            key={shownId}
            details={shown}
            origin={linked.length > 0 ? 0 : session.origin()}
            annotated={linked.length === 0}
            onOpen={(details) => setLinked([...linked, details])}
          />
        ) : (
          <NotLoaded session={session} row={row} answer={answer} />
        )}
        <div class="nbt-said" role="status" aria-live="polite">
          {said}
        </div>
      </section>
    </PanelContext.Provider>
  );
}

/** Escape leaves the panel for the row it belongs to; there it closes the panel. */
function focusTree(panel: Element): void {
  panel.closest(".nbt-tree")?.querySelector<HTMLElement>("[role=treegrid]")?.focus();
}

function NotLoaded(props: { session: TreeSession; row: number; answer: Answer }): JSX.Element {
  const { session, row, answer } = props;
  const preview = session.rows.previews.get(row);
  const words =
    answer.state === "failed"
      ? answer.message
      : answer.state === "busy"
        ? "The kernel is busy: the full values come when it is free."
        : "Loading…";
  return (
    <>
      <p class="nbt-note" role="status">
        {words}
      </p>
      {preview?.error && (
        <Section kind="error" title="Error">
          <div class="nbt-error">{preview.error}</div>
        </Section>
      )}
      {preview?.inputs && (
        <Section kind="inputs" title="Inputs" note="start">
          <TextBlock text={preview.inputs} code />
        </Section>
      )}
      {preview?.outputs && (
        <Section kind="outputs" title="Outputs" note="start">
          <TextBlock text={preview.outputs} code />
        </Section>
      )}
    </>
  );
}

interface LoadedProps {
  details: SpanDetails;
  origin: number;
  /** Whether tags and feedback of its trace are known here. */
  annotated: boolean;
  onOpen: (details: SpanDetails) => void;
}

function Loaded({ details, origin, annotated, onOpen }: LoadedProps): JSX.Element {
  const isCell = details.type === "CELL";
  const told =
    details.messages.length > 0 || details.documents.length > 0 || details.embeddings !== null;
  const empty =
    !told &&
    details.inputs === null &&
    details.outputs === null &&
    details.attributes.length + details.events.length + details.links.length === 0;
  return (
    <>
      <Figures details={details} />
      <Errors details={details} />
      {details.messages.length > 0 && <Chat details={details} />}
      <Documents details={details} />
      <Embeddings found={details.embeddings} />
      <ValueSection
        // What the parts above say already is one click away.
        kind={told ? "told-inputs" : isCell ? "cell" : "inputs"}
        title={isCell ? "Cell" : "Inputs"}
        value={details.inputs}
        closed={told}
        code={isCell}
        from=".inputs"
      />
      <ValueSection
        kind={told ? "told-outputs" : "outputs"}
        title="Outputs"
        value={details.outputs}
        closed={told}
        from=".outputs"
      />
      <Tools tools={details.tools} />
      <Attributes attributes={details.attributes} told={told} />
      <Events events={details.events} origin={origin} />
      <Links details={details} onOpen={onOpen} />
      {annotated && <Annotations isRoot={details.parent_id === null} />}
      {empty && <p class="nbt-note">This span holds no values.</p>}
    </>
  );
}
