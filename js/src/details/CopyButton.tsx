/** A button that copies, says that it did, and works where the clipboard API does not. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { copyText } from "./clipboard";
import { usePanel } from "./panel";

/** How long the button itself says that it has copied. */
const SAID_MS = 1_600;

export interface CopyProps {
  /** What is copied, for people: "value", "as JSON". */
  what: string;
  text: () => string | Promise<string>;
  children?: ComponentChildren;
  /** Reached by other keys: not a stop of its own. */
  skipped?: boolean;
}

/** Copy a text and say so. */
export function useCopy(): (what: string, text: string | Promise<string>) => Promise<boolean> {
  const panel = usePanel();
  return async (what, text) => {
    try {
      const copied = await copyText(await text);
      panel.say(
        copied ? `Copied ${what}` : `Could not copy ${what}: the browser does not allow it`,
      );
      return copied;
    } catch (error) {
      panel.say(`Could not copy ${what}: ${(error as Error).message}`);
      return false;
    }
  };
}

export function CopyButton({ what, text, children, skipped }: CopyProps): JSX.Element {
  const copy = useCopy();
  const [done, setDone] = useState<"" | "done" | "failed">("");
  useEffect(() => {
    if (done !== "") {
      const timer = setTimeout(() => setDone(""), SAID_MS);
      return () => clearTimeout(timer);
    }
  }, [done]);
  const label = children ?? "Copy";
  return (
    <button
      type="button"
      class="nbt-button nbt-copy"
      aria-label={typeof label === "string" && label !== "Copy" ? label : `Copy ${what}`}
      title={`Copy ${what}`}
      {...(skipped ? { tabIndex: -1 } : {})}
      onClick={(event) => {
        event.stopPropagation();
        void copy(what, text()).then((ok) => setDone(ok ? "done" : "failed"));
      }}
    >
      {done === "done" ? "Copied ✓" : done === "failed" ? "Not copied" : label}
    </button>
  );
}
