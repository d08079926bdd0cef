/** The panel of one span: what went in and out, the error, attributes, events, links. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { count, dollars, duration, size } from "../page/format";
import { pretty, stringValue, tokens } from "../page/json";
import { KindIcon, kindName, StateIcon, stateOf, stateWords } from "../page/kinds";
import type { TreeSession } from "../tree/session";
import type { Attribute, EventDetails, Details as SpanDetails } from "../types";

/** More text than this is shown on demand: laying out a megabyte takes a second. */
const SHOWN_CHARACTERS = 20_000;
/** Colouring splits the text into elements, of which a browser takes some thousands well. */
const COLOURED_CHARACTERS = 20_000;

type Answer =
  | { state: "loading" | "busy" }
  | { state: "there"; details: SpanDetails }
  | { state: "failed"; message: string };

/** Load a span's details, and again when its row changes (a span that ended has outputs). */
function useDetails(session: TreeSession, spanId: string, rowState: number): Answer {
  const [answer, setAnswer] = useState<Answer>({ state: "loading" });
  useEffect(() => {
    let current = true;
    const keep = (next: Answer): void => {
      if (current) {
        setAnswer((old) => (old.state === "there" && next.state === "busy" ? old : next));
      }
    };
    setAnswer((old) =>
      old.state === "there" && old.details.span_id === spanId ? old : { state: "loading" },
    );
    session.requests
      .ask("details", { span_id: spanId }, () => keep({ state: "busy" }))
      .then(
        (details) => keep({ state: "there", details }),
        (error: Error) => keep({ state: "failed", message: error.message }),
      );
    return () => {
      current = false;
    };
  }, [session, spanId, rowState]);
  return answer;
}

export interface DetailsProps {
  session: TreeSession;
  row: number;
  onClose: () => void;
}

export function Details({ session, row, onClose }: DetailsProps): JSX.Element {
  const { rows } = session;
  const spanId = rows.id(row);
  const answer = useDetails(session, spanId, rows.state[row] ?? 0);
  const kind = rows.kinds[row] ?? "UNKNOWN";
  const state = stateOf(rows.state[row]);
  const end = rows.end[row] ?? Number.NaN;
  const start = rows.start[row] ?? 0;
  const facts = [
    kindName(kind),
    stateWords(state),
    duration((Number.isNaN(end) ? session.now() : end) - start),
    start > session.origin() ? `at +${duration(start - session.origin())}` : "",
    rows.tokens[row] ? `${count(rows.tokens[row])} tokens` : "",
    dollars(rows.cost[row]),
  ].filter(Boolean);
  return (
    <section class="nbt-details" aria-label={`Details of ${rows.names[row] ?? ""}`}>
      <header>
        <KindIcon kind={kind} />
        <strong title={`span ${spanId}`}>{rows.names[row]}</strong>
        <StateIcon state={state} />
        <button type="button" class="nbt-button" aria-label="Close details" onClick={onClose}>
          ×
        </button>
      </header>
      <p class="nbt-facts">{facts.join(" · ")}</p>
      {answer.state === "there" ? (
        <Loaded details={answer.details} origin={session.origin()} />
      ) : (
        <NotLoaded session={session} row={row} answer={answer} />
      )}
    </section>
  );
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
      {preview?.error && <Section title="Error">{preview.error}</Section>}
      {preview?.inputs && <Section title="Inputs (start)">{plain(preview.inputs)}</Section>}
      {preview?.outputs && <Section title="Outputs (start)">{plain(preview.outputs)}</Section>}
    </>
  );
}

function plain(text: string): JSX.Element {
  return <pre class="nbt-value">{text}</pre>;
}

function Section(props: {
  title: string;
  note?: string;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <section class="nbt-section">
      <h4>
        {props.title}
        {props.note && <span>{props.note}</span>}
      </h4>
      {props.children}
    </section>
  );
}

function Loaded({ details, origin }: { details: SpanDetails; origin: number }): JSX.Element {
  const exceptions = details.events.filter((event) => event.name === "exception");
  const others = details.events.filter((event) => event.name !== "exception");
  const empty =
    details.inputs === null &&
    details.outputs === null &&
    details.attributes.length + details.events.length + details.links.length === 0;
  return (
    <>
      {(details.message !== "" || exceptions.length > 0) && (
        <Section title={details.status === "ERROR" ? "Error" : "Status"}>
          {exceptions.length === 0 && <p class="nbt-error">{details.message}</p>}
          {exceptions.map((event, index) => (
            <Exception key={index} event={event} />
          ))}
        </Section>
      )}
      {details.messages.length > 0 && (
        <Section title="Messages" note={count(details.messages.length)}>
          {details.messages.map((message, index) => (
            <div class="nbt-message" key={index}>
              <b>{message.role}</b>
              <Cut text={message.text} render={prose} />
            </div>
          ))}
        </Section>
      )}
      <Value
        title={details.type === "CELL" ? "Cell" : "Inputs"}
        text={details.inputs}
        folded={details.messages.length > 0}
        code={details.type === "CELL"}
      />
      <Value title="Outputs" text={details.outputs} folded={details.messages.length > 0} />
      {details.attributes.length > 0 && (
        <Section title="Attributes" note={count(details.attributes.length)}>
          <Table attributes={details.attributes} />
        </Section>
      )}
      {others.length > 0 && (
        <Section title="Events" note={count(others.length)}>
          {others.map((event, index) => (
            <div class="nbt-event" key={index}>
              <span>+{duration(event.time_ns - origin)}</span> <b>{event.name}</b>
              <Table attributes={event.attributes} />
            </div>
          ))}
        </Section>
      )}
      {details.links.length > 0 && (
        <Section title="Links" note={count(details.links.length)}>
          {details.links.map((link) => (
            <p class="nbt-facts" key={link.span_id}>
              {link.trace_id} / {link.span_id}
            </p>
          ))}
        </Section>
      )}
      {empty && <p class="nbt-note">This span holds no values.</p>}
    </>
  );
}

function attribute(event: EventDetails, key: string): string {
  return event.attributes.find((item) => item.key === key)?.text ?? "";
}

function Exception({ event }: { event: EventDetails }): JSX.Element {
  const stack = attribute(event, "exception.stacktrace");
  const message = attribute(event, "exception.message");
  return (
    <div>
      <p class="nbt-error">
        <b>{attribute(event, "exception.type") || "exception"}</b>
        {message && `: ${message}`}
      </p>
      {stack && (
        <details class="nbt-stack">
          <summary>Stack trace</summary>
          <Cut text={stack} render={plain} />
        </details>
      )}
    </div>
  );
}

function Table({ attributes }: { attributes: Attribute[] }): JSX.Element | null {
  return attributes.length === 0 ? null : (
    <table class="nbt-table">
      <tbody>
        {attributes.map((item) => (
          <tr key={item.key}>
            <th scope="row" title={`${item.key} (${item.type})`}>
              {item.key}
            </th>
            <td>
              <Cut text={item.text} render={(text) => <span>{text}</span>} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A text of which the start is shown until the rest is asked for. */
function Cut(props: { text: string; render: (text: string) => JSX.Element }): JSX.Element {
  const [whole, setWhole] = useState(false);
  const { text } = props;
  if (whole || text.length <= SHOWN_CHARACTERS) {
    return props.render(text);
  }
  return (
    <>
      {props.render(text.slice(0, SHOWN_CHARACTERS))}
      <button type="button" class="nbt-button" onClick={() => setWhole(true)}>
        Show all {size(text.length)}
      </button>
    </>
  );
}

interface ValueProps {
  title: string;
  text: string | null;
  /** What the messages say already is one click away. */
  folded?: boolean;
  /** Whether a text is code, which wants its columns. */
  code?: boolean;
}

function Value({ title, text, folded, code = false }: ValueProps): JSX.Element | null {
  if (text === null) {
    return null;
  }
  const value = <Json text={text} code={code} />;
  return folded ? (
    <details class="nbt-section nbt-stack">
      <summary>{title}</summary>
      {value}
    </details>
  ) : (
    <Section title={title}>{value}</Section>
  );
}

function prose(text: string): JSX.Element {
  return <pre class="nbt-value nbt-prose">{text}</pre>;
}

function Json({ text, code }: { text: string; code: boolean }): JSX.Element {
  const plainText = stringValue(text);
  if (plainText !== null) {
    return <Cut text={plainText} render={code ? plain : prose} />;
  }
  return <Cut text={pretty(text)} render={coloured} />;
}

function coloured(text: string): JSX.Element {
  if (text.length > COLOURED_CHARACTERS) {
    return plain(text);
  }
  return (
    <pre class="nbt-value">
      {tokens(text).map((token, index) =>
        token.kind === "plain" ? (
          token.text
        ) : (
          <span key={index} class={`nbt-${token.kind}`}>
            {token.text}
          </span>
        ),
      )}
    </pre>
  );
}
