/** A span's details: asked for when it is selected, and again when it changes. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { TreeSession } from "../tree/session";
import type { Details } from "./types";

export type Answer =
  | { state: "loading" | "busy" }
  | { state: "there"; details: Details }
  | { state: "failed"; message: string };

/** A span that still runs is asked for this often, if the kernel keeps up. */
const OPEN_EVERY_MS = 2_000;

export function useDetails(
  session: TreeSession,
  spanId: string,
  rowState: number,
  open: boolean,
): Answer {
  const [answer, setAnswer] = useState<Answer>({ state: "loading" });
  const [turn, setTurn] = useState(0);
  const waiting = useRef(0);
  useEffect(() => {
    if (open) {
      const timer = setInterval(() => {
        if (waiting.current === 0) {
          setTurn((value) => value + 1);
        }
      }, OPEN_EVERY_MS);
      return () => clearInterval(timer);
    }
  }, [open]);
  useEffect(() => {
    let current = true;
    const keep = (next: Answer): void => {
      if (current) {
        setAnswer((old) => (old.state === "there" && next.state !== "there" ? old : next));
      }
    };
    setAnswer((old) =>
      old.state === "there" && old.details.span_id === spanId ? old : { state: "loading" },
    );
    waiting.current += 1;
    session.requests
      .ask("details", { span_id: spanId }, () => keep({ state: "busy" }))
      .then(
        (details) => keep({ state: "there", details }),
        (error: Error) => keep({ state: "failed", message: error.message }),
      )
      .finally(() => {
        waiting.current -= 1;
      });
    return () => {
      current = false;
    };
  }, [session, spanId, rowState, turn]);
  return answer;
}
