/** What a person looks for in one view: text and filters, and the rows that follow from them. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Analysis } from "./analysis";
import {
  type Filter,
  found,
  isFiltering,
  matcher,
  matchesIn,
  NO_FILTER,
  passing,
  withAncestors,
} from "./filter";
import type { TreeSession } from "./session";

/** A person who types is not asked about every letter. */
const ASK_AFTER_MS = 250;
/** One letter is nearly everywhere, and in no name that is not on the page. */
const ASK_FROM_CHARACTERS = 2;

/** What the kernel has said of the full values. */
export type Asked = "no" | "asking" | "busy" | "told" | { failed: string };

export interface Search {
  text: string;
  regex: boolean;
  /** Whether rows that do not match are left out. */
  hiding: boolean;
  filter: Filter;
  pattern: RegExp | null;
  /** Whether the text is meant as a regular expression and is none. */
  broken: boolean;
  asked: Asked;
  /** Where each row has the text, null without one. */
  where: Uint8Array | null;
  /** Matches in the order of the tree. */
  matches: Uint32Array;
  /** Rows to draw, null for all. */
  kept: Uint8Array | null;
  setText: (text: string) => void;
  setRegex: (regex: boolean) => void;
  setHiding: (hiding: boolean) => void;
  setFilter: (filter: Filter) => void;
  clear: () => void;
}

const NONE = new Uint32Array(0);

export function useSearch(session: TreeSession, analysis: Analysis, root: number): Search {
  const { rows } = session;
  const [text, setText] = useState("");
  const [regex, setRegex] = useState(false);
  const [hiding, setHiding] = useState(false);
  const [filter, setFilter] = useState(NO_FILTER);
  const { asked, inKernel } = useKernel(session, text, regex);
  const pattern = useMemo(() => matcher(text, regex), [text, regex]);
  const pass = useMemo(
    () => (isFiltering(filter) ? passing(rows, analysis.times, filter) : null),
    [rows, analysis, filter],
  );
  const where = useMemo(
    () => (pattern ? found(rows, pattern, rows.findAll(inKernel)) : null),
    [rows, analysis, pattern, inKernel],
  );
  const matches = useMemo(
    () => (where ? matchesIn(analysis.layout, where, pass, root) : NONE),
    [analysis, where, pass, root],
  );
  const words = hiding ? where : null;
  const kept = useMemo(
    () =>
      pass || words
        ? withAncestors(analysis.layout, (row) => pass?.[row] !== 0 && words?.[row] !== 0)
        : null,
    [analysis, pass, words],
  );
  return {
    text,
    regex,
    hiding,
    filter,
    pattern,
    broken: text !== "" && pattern === null,
    asked,
    where,
    matches,
    kept,
    setText: (next) => {
      setText(next);
      // "Only matches" belongs to the text that it was chosen for.
      setHiding((old) => old && next !== "");
    },
    setRegex,
    setHiding,
    setFilter,
    clear: () => {
      setText("");
      setHiding(false);
      setFilter(NO_FILTER);
    },
  };
}

const NO_IDS: readonly string[] = [];

/** Ask the kernel, which has the full values; what it says may come late. */
function useKernel(session: TreeSession, text: string, regex: boolean) {
  const [asked, setAsked] = useState<Asked>("no");
  const [inKernel, setInKernel] = useState(NO_IDS);
  useEffect(() => {
    let current = true;
    setInKernel(NO_IDS);
    setAsked("no");
    if (text.length < ASK_FROM_CHARACTERS) {
      return;
    }
    const tell = (said: Asked, ids: readonly string[] = NO_IDS): void => {
      if (current) {
        setAsked(said);
        setInKernel(ids);
      }
    };
    const timer = setTimeout(() => {
      tell("asking");
      session.requests
        .ask("search", { text, regex }, () => tell("busy"))
        .then(
          ({ span_ids }) => tell("told", span_ids),
          (error: Error) => tell({ failed: error.message }),
        );
    }, ASK_AFTER_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [session, text, regex]);
  return { asked, inKernel };
}
