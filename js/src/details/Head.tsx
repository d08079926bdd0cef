/** The head of the panel: what the span is, its figures, and the ways to take it along. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { count, dollars } from "../page/format";
import { CopyButton } from "./CopyButton";
import { python } from "./Links";
import { usePanel } from "./panel";
import type { Details } from "./types";

/** Model, provider, finish reason and usage; nothing for spans that have none. */
export function Figures({ details }: { details: Details }): JSX.Element | null {
  const { model, provider, finish_reasons: reasons, usage, scope } = details;
  const cost = dollars(usage.cost);
  const known = usage.input !== null || usage.output !== null || usage.total !== null;
  const facts: [string, string][] = [];
  if (model) {
    facts.push(["model", model]);
  }
  if (provider) {
    facts.push(["provider", provider]);
  }
  if (reasons.length > 0) {
    facts.push(["finish", [...new Set(reasons)].join(", ").replaceAll("_", " ")]);
  }
  if (cost) {
    facts.push(["cost", cost]);
  }
  if (scope) {
    facts.push(["recorded by", scope]);
  }
  return (
    <>
      {facts.length > 0 && (
        <dl class="nbt-figure-list">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {known && <Usage details={details} />}
      {details.description && <p class="nbt-facts">{details.description}</p>}
    </>
  );
}

/** Tokens as one bar: what was read from a cache, the rest of the prompt, reasoning, the answer. */
function Usage({ details }: { details: Details }): JSX.Element {
  const { input, output, total, cached, cache_written: written, reasoning } = details.usage;
  const parts: [string, number | null, string][] = [
    ["cached", cached, "cached"],
    ["input", input === null ? null : Math.max(0, input - (cached ?? 0)), "input"],
    ["reasoning", reasoning, "reasoning"],
    ["output", output === null ? null : Math.max(0, output - (reasoning ?? 0)), "output"],
  ];
  const sum = parts.reduce((whole, [, tokens]) => whole + (tokens ?? 0), 0);
  const words = [
    input === null ? "" : `${count(input)} in`,
    cached ? `${count(cached)} of them cached` : "",
    written ? `${count(written)} written to the cache` : "",
    output === null ? "" : `${count(output)} out`,
    reasoning ? `${count(reasoning)} of them reasoning` : "",
  ].filter(Boolean);
  return (
    <div class="nbt-usage">
      {sum > 0 && (
        <div class="nbt-usage-bar" aria-hidden="true">
          {parts.map(
            ([name, tokens, look]) =>
              tokens !== null &&
              tokens > 0 && (
                <span
                  key={name}
                  class={`nbt-usage-${look}`}
                  style={{ flexGrow: tokens }}
                  title={`${count(tokens)} ${name}`}
                />
              ),
          )}
        </div>
      )}
      <p>
        {total !== null && <strong>{count(total)} tokens</strong>}
        {total !== null && words.length > 0 && ": "}
        {words.join(", ")}
      </p>
    </div>
  );
}

/** "Copy": the span as JSON, as Python, as cURL, and its ids. */
export function CopyMenu({ details }: { details: Details }): JSX.Element {
  const panel = usePanel();
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) {
      return;
    }
    const away = (event: Event): void => {
      if (!event.composedPath().includes(place.current as EventTarget)) {
        setOpen(false);
      }
    };
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, [open]);
  const { trace_id: traceId, span_id: spanId, curl } = details;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape anywhere in it closes the menu
    <div
      class="nbt-menu"
      ref={place}
      onKeyDown={(event) => {
        if (event.key === "Escape" && open) {
          event.stopPropagation();
          setOpen(false);
          button.current?.focus();
        }
      }}
    >
      <button
        type="button"
        ref={button}
        class="nbt-button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        Copy ▾
      </button>
      {open && (
        <div class="nbt-menu-items" role="group" aria-label="Copy the span">
          <CopyButton what="the span as Python" text={() => python(traceId, spanId)}>
            as Python
          </CopyButton>
          <CopyButton what="the span as JSON" text={() => spanJson(panel, traceId, spanId)}>
            as JSON
          </CopyButton>
          {curl !== null && (
            <CopyButton what="the request as cURL" text={() => curl}>
              as cURL
            </CopyButton>
          )}
          <CopyButton what="the trace id" text={() => traceId}>
            trace id
          </CopyButton>
          <CopyButton what="the span id" text={() => spanId}>
            span id
          </CopyButton>
        </div>
      )}
    </div>
  );
}

async function spanJson(
  panel: ReturnType<typeof usePanel>,
  traceId: string,
  spanId: string,
): Promise<string> {
  const where = { trace_id: traceId, span_id: spanId };
  let piece = await panel.requests.ask("span_json", where);
  let text = piece.text;
  while (piece.next !== null) {
    piece = await panel.requests.ask("value", {
      ...where,
      place: piece.place,
      offset: piece.next,
      characters: 2_000_000,
    });
    text += piece.text;
  }
  return text;
}
