/** The commonest values of some fields and how many traces have each. */
import type { JSX } from "preact";
import { count } from "../page/format";
import type { FacetFigure } from "./messages";
import { condition, type Pill, quoted, tagField } from "./pills";
import type { TableSession } from "./session";

interface Facet {
  figure: string;
  title: string;
  pill: (value: string, exclude: boolean) => Pill;
}

function equal(field: string): Facet["pill"] {
  return (value, exclude) => condition(field, exclude ? "!=" : "=", quoted(value));
}

export const FACETS: readonly Facet[] = [
  { figure: "state", title: "Status", pill: equal("state") },
  { figure: "name", title: "Name", pill: equal("name") },
  { figure: "span.type", title: "Span type", pill: equal("span.type") },
  { figure: "model", title: "Model", pill: equal("span.model") },
  { figure: "user", title: "User", pill: equal("user") },
  { figure: "session", title: "Session", pill: equal("session") },
  {
    figure: "tag_keys",
    title: "Tag",
    pill: (key, exclude) => condition(tagField(key), exclude ? "IS NULL" : "IS NOT NULL", ""),
  },
];

export interface FacetsProps {
  session: TableSession;
  pills: readonly Pill[];
  /** In pixels, that of the rows beside it. */
  height: number;
  onToggle: (pill: Pill) => void;
}

export function Facets({ session, pills, height, onToggle }: FacetsProps): JSX.Element {
  return (
    <section class="nbt-facets" aria-label="Facets" style={{ height: `${height}px` }}>
      {FACETS.map((facet) => (
        <List
          key={facet.figure}
          facet={facet}
          figure={session.facets.get(facet.figure)}
          pills={pills}
          onToggle={onToggle}
        />
      ))}
    </section>
  );
}

interface ListProps {
  facet: Facet;
  figure: FacetFigure | undefined;
  pills: readonly Pill[];
  onToggle: (pill: Pill) => void;
}

function List({ facet, figure, pills, onToggle }: ListProps): JSX.Element | null {
  if (figure && figure.values.length === 0) {
    return null;
  }
  const most = Math.max(1, ...(figure?.values ?? []).map(([, number]) => number));
  const has = (pill: Pill): boolean => pills.some((other) => other.text === pill.text);
  return (
    <details class="nbt-facet" open={facet.figure === "state" || facet.figure === "name"}>
      <summary>{facet.title}</summary>
      {!figure && <p class="nbt-note">…</p>}
      {figure?.values.map(([value, number]) => {
        const only = facet.pill(value, false);
        return (
          <div class="nbt-facet-value" key={value}>
            <button
              type="button"
              aria-pressed={has(only)}
              title={`Only ${value}`}
              onClick={() => onToggle(only)}
            >
              <span class="nbt-text">{value}</span>
              <span>{count(number)}</span>
              <i style={{ width: `${(number / most) * 100}%` }} />
            </button>
            <button
              type="button"
              class="nbt-button"
              aria-label={`Leave out ${value}`}
              title={`Leave out ${value}`}
              onClick={() => onToggle(facet.pill(value, true))}
            >
              −
            </button>
          </div>
        );
      })}
      {figure && figure.other > 0 && <p class="nbt-note">{count(figure.other)} more</p>}
      {figure && figure.missing > 0 && <p class="nbt-note">{count(figure.missing)} without</p>}
    </details>
  );
}
