/** What every part of a panel needs: whom to ask, which span it is about, and who tells people. */
import { createContext } from "preact";
import { useContext, useState } from "preact/hooks";
import type { Requests } from "../page/rpc";
import type { LongText } from "./types";

export interface Panel {
  requests: Requests;
  traceId: string;
  spanId: string;
  /** Say something to whoever cannot see what has changed. */
  say: (words: string) => void;
}

export const PanelContext = createContext<Panel | null>(null);

export function usePanel(): Panel {
  const panel = useContext(PanelContext);
  if (panel === null) {
    throw new Error("this part belongs into the panel of a span");
  }
  return panel;
}

/** One more helping of a text, and the whole of it: a page lays out and takes in that much at once. */
const MORE_CHARACTERS = 200_000;
const ALL_AT_ONCE = 2_000_000;

interface Loaded {
  text: string;
  next: number | null;
}

/** What has been loaded of each text, for as long as its span is shown. */
const loaded = new WeakMap<LongText, Loaded>();

export interface Loading {
  text: string;
  size: number;
  complete: boolean;
  state: "" | "loading" | "busy" | "failed";
  error: string;
  more: () => void;
  all: () => Promise<string>;
}

/** A text of which the start is there and the rest is asked for. */
export function useLongText(value: LongText): Loading {
  const panel = usePanel();
  const [state, setState] = useState<Loading["state"]>("");
  const [error, setError] = useState("");
  const [, setCount] = useState(0);
  const known = loaded.get(value) ?? { text: value.text, next: value.next };
  const load = async (characters: number): Promise<void> => {
    const before = loaded.get(value) ?? { text: value.text, next: value.next };
    if (before.next === null) {
      return;
    }
    setState("loading");
    const params = {
      trace_id: panel.traceId,
      span_id: panel.spanId,
      place: value.place,
      offset: before.next,
      characters,
    };
    try {
      const piece = await panel.requests.ask("value", params, () => setState("busy"));
      // Two may have asked for the same piece.
      if ((loaded.get(value) ?? before).next === before.next) {
        loaded.set(value, { text: before.text + piece.text, next: piece.next });
      }
      setState("");
    } catch (problem) {
      setState("failed");
      setError((problem as Error).message);
      throw problem;
    }
    setCount((count) => count + 1);
  };
  return {
    text: known.text,
    size: value.size,
    complete: known.next === null,
    state,
    error,
    more: () => {
      load(MORE_CHARACTERS).catch(() => {});
    },
    all: async () => {
      for (
        let now = loaded.get(value) ?? value;
        now.next !== null;
        now = loaded.get(value) ?? value
      ) {
        await load(ALL_AT_ONCE);
      }
      return (loaded.get(value) ?? value).text;
    },
  };
}
