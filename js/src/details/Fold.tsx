/** Something that opens in place: a system message, reasoning, the frames of libraries. */
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";

export interface FoldProps {
  summary: ComponentChildren;
  open?: boolean;
  children: () => ComponentChildren;
}

export function Fold({ summary, open = false, children }: FoldProps): JSX.Element {
  const [isOpen, setOpen] = useState(open);
  return (
    <div class="nbt-foldable">
      <button
        type="button"
        class="nbt-disclose"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <svg viewBox="0 0 12 12" aria-hidden="true">
          <path d="M4.5 2.5L8 6L4.5 9.5" />
        </svg>
        <span class="nbt-summary">{summary}</span>
      </button>
      {isOpen && <div class="nbt-foldable-body">{children()}</div>}
    </div>
  );
}
