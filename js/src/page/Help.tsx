/** The keyboard map, from the table that the handler reads. */
import type { JSX } from "preact";
import type { Binding } from "./keys";

export interface HelpProps {
  bindings: readonly Binding<string>[];
  onClose: () => void;
}

export function Help({ bindings, onClose }: HelpProps): JSX.Element {
  return (
    <div class="nbt-help" role="dialog" aria-label="Keyboard">
      <header>
        <strong>Keyboard</strong>
        <button type="button" class="nbt-button" aria-label="Close help" onClick={onClose}>
          ×
        </button>
      </header>
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
    </div>
  );
}
