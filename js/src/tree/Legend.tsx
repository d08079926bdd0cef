/** The line below the tree: the kinds there are, each a filter, and how much is shown. */
import type { JSX } from "preact";
import { count } from "../page/format";
import { KindIcon, kindName } from "../page/kinds";
import type { Filter } from "./filter";

export interface LegendProps {
  kinds: readonly [kind: string, count: number][];
  filter: Filter;
  onFilter: (filter: Filter) => void;
}

/** More kinds than these are rubbish that somebody wrote into an attribute. */
const MOST_KINDS = 24;

export function Legend({ kinds, filter, onFilter }: LegendProps): JSX.Element | null {
  if (kinds.length < 2) {
    return null;
  }
  const shown = kinds.slice(0, MOST_KINDS);
  const click = (kind: string, event: MouseEvent): void => {
    const others = kinds.map(([other]) => other).filter((other) => other !== kind);
    const without = new Set(filter.without);
    const alone = !without.has(kind) && others.every((other) => without.has(other));
    if (alone) {
      without.clear();
    } else if (event.shiftKey || event.ctrlKey || event.metaKey || without.size > 0) {
      if (!without.delete(kind)) {
        without.add(kind);
      }
    } else {
      // The first click asks for this kind, later ones for that one as well.
      for (const other of others) {
        without.add(other);
      }
    }
    onFilter({ ...filter, without: without.size === kinds.length ? new Set() : without });
  };
  return (
    <div class="nbt-legend" role="group" aria-label="Kinds of spans">
      {shown.map(([kind, spans]) => (
        <button
          key={kind}
          type="button"
          class="nbt-chip"
          aria-pressed={!filter.without.has(kind)}
          title={`Only ${kindName(kind)}; with Shift, all but ${kindName(kind)}`}
          onClick={(event) => click(kind, event)}
        >
          <KindIcon kind={kind} />
          {kindName(kind)}
          <span>{count(spans)}</span>
        </button>
      ))}
    </div>
  );
}
