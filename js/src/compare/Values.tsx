/** The values of one line: inputs, outputs and error of both spans, compared word by word. */
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { pretty, stringValue } from "../page/json";
import { compareWords } from "../page/words";
import type { Comparison } from "./session";
import type { DiffLine, DiffValues, SideValues } from "./types";

type Answer =
  | { state: "loading" | "busy" }
  | { state: "there"; values: DiffValues }
  | { state: "failed"; message: string };

export interface ValuesProps {
  session: Comparison;
  place: number;
  line: DiffLine;
  onClose: () => void;
}

export function Values({ session, place, line, onClose }: ValuesProps): JSX.Element {
  const [answer, setAnswer] = useState<Answer>({ state: "loading" });
  useEffect(() => {
    let current = true;
    const keep = (next: Answer): void => {
      if (current) {
        setAnswer(next);
      }
    };
    session
      .values(place, () => keep({ state: "busy" }))
      .then(
        (values) => keep({ state: "there", values }),
        (error: Error) => keep({ state: "failed", message: error.message }),
      );
    return () => {
      current = false;
    };
  }, [session, place]);
  return (
    <section class="nbt-details" aria-label={`What differs in ${line.name}`}>
      <header>
        <strong>{line.name}</strong>
        <button type="button" class="nbt-button" aria-label="Close" onClick={onClose}>
          ×
        </button>
      </header>
      {answer.state === "there" ? (
        <Loaded values={answer.values} />
      ) : (
        <p class="nbt-note" role="status">
          {answer.state === "failed"
            ? answer.message
            : answer.state === "busy"
              ? "The kernel is busy: the values come when it is free."
              : "Loading…"}
        </p>
      )}
    </section>
  );
}

function Loaded({ values }: { values: DiffValues }): JSX.Element {
  const { before, after } = values;
  const cut = before?.cut || after?.cut;
  return (
    <>
      <Compared title="Error" before={before?.error ?? ""} after={after?.error ?? ""} />
      <Compared
        title="Inputs"
        before={readable(before, "inputs")}
        after={readable(after, "inputs")}
      />
      <Compared
        title="Outputs"
        before={readable(before, "outputs")}
        after={readable(after, "outputs")}
      />
      {cut && <p class="nbt-note">Long values are compared in their first part only.</p>}
    </>
  );
}

function readable(side: SideValues | null, key: "inputs" | "outputs"): string {
  const text = side?.[key] ?? "";
  return stringValue(text) ?? pretty(text);
}

function Compared(props: { title: string; before: string; after: string }): JSX.Element | null {
  const { before, after } = props;
  const pieces = useMemo(() => compareWords(before, after), [before, after]);
  if (before === "" && after === "") {
    return null;
  }
  return (
    <section class="nbt-section">
      <h4>
        {props.title}
        {before === after && <span>the same in both</span>}
      </h4>
      <pre class="nbt-value">
        {pieces.map(({ kind, text }, index) =>
          // The layout differs wherever a line became longer; that is not what changed.
          kind === "same" || text.trim() === "" ? (
            kind === "removed" ? null : (
              text
            )
          ) : kind === "removed" ? (
            <del key={index}>{text}</del>
          ) : (
            <ins key={index}>{text}</ins>
          ),
        )}
      </pre>
    </section>
  );
}
