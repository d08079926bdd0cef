/** Which columns are shown, and in which order. */
import type { JSX } from "preact";
import { columnOf } from "./columns";
import { type Layout, moved, toggled } from "./layout";

export interface ColumnChooserProps {
  layout: Layout;
  onLayout: (layout: Layout) => void;
  onReset: () => void;
  onClose: () => void;
}

export function ColumnChooser(props: ColumnChooserProps): JSX.Element {
  const { layout, onLayout } = props;
  return (
    <div
      class="nbt-help nbt-chooser"
      role="dialog"
      aria-label="Columns"
      onKeyDown={(event) => event.key === "Escape" && props.onClose()}
    >
      <header>
        <strong>Columns</strong>
        <button type="button" class="nbt-button" onClick={props.onReset}>
          Reset
        </button>
        <button type="button" class="nbt-button" aria-label="Close columns" onClick={props.onClose}>
          ×
        </button>
      </header>
      <ul>
        {layout.order.map((id, index) => {
          const title = columnOf(id)?.title ?? id;
          const before = layout.order[index - 1];
          const after = layout.order[index + 1];
          return (
            <li key={id}>
              <label>
                <input
                  type="checkbox"
                  checked={!layout.hidden.includes(id)}
                  onChange={() => onLayout(toggled(layout, id))}
                />
                {title}
              </label>
              <button
                type="button"
                class="nbt-button"
                aria-label={`${title} to the left`}
                disabled={before === undefined}
                onClick={() => before && onLayout(moved(layout, id, before))}
              >
                ↑
              </button>
              <button
                type="button"
                class="nbt-button"
                aria-label={`${title} to the right`}
                disabled={after === undefined}
                onClick={() => after && onLayout(moved(layout, id, after))}
              >
                ↓
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
