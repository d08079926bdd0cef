/** What may stand in the place of the tree: spans by name, the flame graph, the run before. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ByName } from "../aggregate/ByName";
import { Flame } from "../aggregate/Flame";
import { PreviousRun } from "../compare/previous";
import { TraceDiff } from "../compare/TraceDiff";
import type { Analysis } from "./analysis";
import type { TreeSession } from "./session";

export type Other = "names" | "flame" | "previous";

const TITLES: Record<Other, string> = {
  names: "Spans by name",
  flame: "Flame graph",
  previous: "Compared with the run before",
};

export interface OtherViewProps {
  other: Other;
  session: TreeSession;
  analysis: Analysis;
  /** Show a span in the tree. */
  onPick: (row: number) => void;
  onClose: () => void;
}

export function OtherView(props: OtherViewProps): JSX.Element {
  const { other, session, analysis, onPick, onClose } = props;
  const back = useRef<HTMLButtonElement>(null);
  useEffect(() => back.current?.focus(), []);
  return (
    <section
      class="nbt-other"
      aria-label={TITLES[other]}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) {
          event.preventDefault();
          onClose();
        }
      }}
    >
      <header>
        <strong>{TITLES[other]}</strong>
        <button ref={back} type="button" class="nbt-button" onClick={onClose}>
          Back to the tree
        </button>
      </header>
      {other === "names" && <ByName rows={session.rows} analysis={analysis} onPick={onPick} />}
      {other === "flame" && <Flame rows={session.rows} analysis={analysis} onPick={onPick} />}
      {other === "previous" && <Previous session={session} />}
    </section>
  );
}

function Previous({ session }: { session: TreeSession }): JSX.Element {
  const [comparison, setComparison] = useState<PreviousRun | null>(null);
  const [words, setWords] = useState("Loading…");
  useEffect(() => {
    let current = true;
    session.requests
      .ask("previous", {}, () => {
        if (current) {
          setWords("The kernel is busy: the comparison comes when it is free.");
        }
      })
      .then(
        (data) => current && setComparison(new PreviousRun(data, session.requests)),
        (error: Error) => current && setWords(error.message),
      );
    return () => {
      current = false;
    };
  }, [session]);
  return comparison ? (
    <TraceDiff session={comparison} />
  ) : (
    <p class="nbt-note" role="status">
      {words}
    </p>
  );
}
