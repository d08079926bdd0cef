/** The keyboard map, from the tables that the handlers read. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Binding } from "./keys";

export interface HelpProps {
  bindings: readonly Binding<string>[];
  /** Keys that hold in one part only, by the name of the part. */
  parts?: Readonly<Record<string, readonly Binding<string>[]>>;
  onClose: () => void;
}

export function Help({ bindings, parts = {}, onClose }: HelpProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // It is longer than the widget: whoever has no mouse scrolls it by keys.
    const page = place.current?.getRootNode() as Document | ShadowRoot | undefined;
    const before = page?.activeElement as HTMLElement | null;
    place.current?.focus();
    return () => before?.focus();
  }, []);
  return (
    <div
      ref={place}
      class="nbt-help"
      role="dialog"
      aria-label="Keyboard"
      tabIndex={-1}
      onKeyDown={(event) => {
        if (event.ctrlKey || event.metaKey) {
          return;
        }
        event.stopPropagation();
        if (event.key === "Escape" || event.key === "?") {
          event.preventDefault();
          onClose();
        }
      }}
    >
      <header>
        <strong>Keyboard</strong>
        <button type="button" class="nbt-button" aria-label="Close help" onClick={onClose}>
          ×
        </button>
      </header>
      <Keys bindings={bindings} />
      {Object.entries(parts).map(([part, keys]) => (
        <section key={part} aria-label={part}>
          <h4>{part}</h4>
          <Keys bindings={keys} />
        </section>
      ))}
    </div>
  );
}

function Keys({ bindings }: { bindings: readonly Binding<string>[] }): JSX.Element {
  return (
    <dl>
      {bindings.map((binding) => (
        <div key={binding.command}>
          <dt>
            <kbd>{binding.shown}</kbd>
          </dt>
          <dd>{binding.meaning}</dd>
        </div>
      ))}
    </dl>
  );
}
