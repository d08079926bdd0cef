/** Spans that this one points to: opened right here, or told how to open. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { count } from "../page/format";
import { Table } from "./Attributes";
import { CopyButton } from "./CopyButton";
import { usePanel } from "./panel";
import { Section } from "./Section";
import type { Details, LinkDetails } from "./types";

export interface LinksProps {
  details: Details;
  /** Show a span of another trace in this panel. */
  onOpen: (details: Details) => void;
}

export function Links({ details, onOpen }: LinksProps): JSX.Element | null {
  const { links } = details;
  return links.length === 0 ? null : (
    <Section kind="links" title="Links" note={count(links.length)}>
      {links.map((link, index) => (
        <Link key={index} link={link} here={link.trace_id === details.trace_id} onOpen={onOpen} />
      ))}
    </Section>
  );
}

interface LinkProps {
  link: LinkDetails;
  here: boolean;
  onOpen: (details: Details) => void;
}

function Link({ link, here, onOpen }: LinkProps): JSX.Element {
  const panel = usePanel();
  const [words, setWords] = useState("");
  const open = (): void => {
    setWords("Loading…");
    panel.requests
      .ask("linked", { trace_id: link.trace_id, span_id: link.span_id }, () =>
        setWords("The kernel is busy: the span comes when it is free."),
      )
      .then(
        (details) => {
          setWords("");
          onOpen(details);
        },
        (error: Error) => setWords(error.message),
      );
  };
  return (
    <div class="nbt-linked">
      <code>{here ? link.span_id : `${link.trace_id} / ${link.span_id}`}</code>
      {here && <span class="nbt-quiet">in this trace</span>}
      <button type="button" class="nbt-button" onClick={open}>
        Open
      </button>
      <CopyButton what="the Python that opens it" text={() => python(link.trace_id, link.span_id)}>
        Copy as Python
      </CopyButton>
      {words && (
        <p class="nbt-note" role="status">
          {words}
        </p>
      )}
      <Table attributes={link.attributes} label="Attributes of the link" />
    </div>
  );
}

/** The expression that gives a span in Python. */
export function python(traceId: string, spanId: string): string {
  return `nbtrace.get_trace(${JSON.stringify(traceId)}).span(${JSON.stringify(spanId)})`;
}
