/** One part of the panel, which opens and closes; what was chosen holds for its kind everywhere. */
import type { ComponentChildren, JSX } from "preact";
import { useRemembered } from "../page/remembered";

export interface SectionProps {
  /** What is remembered goes by this name. */
  kind: string;
  title: string;
  note?: string | undefined;
  /** Closed until somebody opens it. */
  closed?: boolean;
  /** What stands at the right of the title while it is open. */
  tools?: ComponentChildren;
  children: ComponentChildren;
}

export function Section(props: SectionProps): JSX.Element {
  const { kind, title, note, closed = false, tools, children } = props;
  const [open, setOpen] = useRemembered(`open.${kind}`, closed ? "no" : "yes");
  const isOpen = open === "yes";
  return (
    <section class="nbt-section" aria-label={title}>
      <div class="nbt-section-head">
        <h4>
          <button
            type="button"
            class="nbt-disclose"
            aria-expanded={isOpen}
            onClick={() => setOpen(isOpen ? "no" : "yes")}
          >
            <svg viewBox="0 0 12 12" aria-hidden="true">
              <path d="M4.5 2.5L8 6L4.5 9.5" />
            </svg>
            {title}
            {note && <span class="nbt-section-note">{note}</span>}
          </button>
        </h4>
        {isOpen && tools && <div class="nbt-section-tools">{tools}</div>}
      </div>
      {isOpen && <div class="nbt-section-body">{children}</div>}
    </section>
  );
}
