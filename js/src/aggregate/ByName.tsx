/** The spans by name as a table that sorts by any column. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { count, dollars, duration } from "../page/format";
import { KindIcon } from "../page/kinds";
import type { Analysis } from "../tree/analysis";
import type { Rows } from "../tree/columns";
import { byName, type Group, type SortKey, sorted } from "./groups";

/** More names than this are no overview; the rest is said in one line. */
const MOST_GROUPS = 500;

const COLUMNS: readonly { key: SortKey; title: string; show: (group: Group) => string }[] = [
  { key: "count", title: "Count", show: (group) => count(group.count) },
  { key: "total", title: "Total", show: (group) => duration(group.total) },
  { key: "self", title: "Self", show: (group) => duration(group.self) },
  { key: "p50", title: "p50", show: (group) => duration(group.p50) },
  { key: "p95", title: "p95", show: (group) => duration(group.p95) },
  { key: "errors", title: "Errors", show: (group) => (group.errors ? count(group.errors) : "") },
  { key: "tokens", title: "Tokens", show: (group) => count(group.tokens) },
  { key: "cost", title: "Cost", show: (group) => dollars(group.cost) },
];

export interface AggregateProps {
  rows: Rows;
  analysis: Analysis;
  /** Go to a span in the tree. */
  onPick: (row: number) => void;
}

export function ByName({ rows, analysis, onPick }: AggregateProps): JSX.Element {
  const [order, setOrder] = useState<{ key: SortKey; descending: boolean }>({
    key: "self",
    descending: true,
  });
  const groups = useMemo(() => byName(rows, analysis), [rows, analysis]);
  const shown = sorted(groups, order.key, order.descending).slice(0, MOST_GROUPS);
  const used = COLUMNS.filter(({ show }) => groups.some((group) => show(group) !== ""));
  const most = Math.max(1, ...groups.map((group) => group.self));
  const head = (key: SortKey, title: string, figure: boolean): JSX.Element => {
    const current = order.key === key;
    const direction = order.descending ? "descending" : "ascending";
    return (
      <th
        key={key}
        scope="col"
        class={figure ? "nbt-number-cell" : ""}
        aria-sort={current ? direction : "none"}
      >
        <button
          type="button"
          class="nbt-button"
          onClick={() =>
            setOrder({ key, descending: current ? !order.descending : key !== "name" })
          }
        >
          {title}
          <span aria-hidden="true">{current ? (order.descending ? " ▾" : " ▴") : ""}</span>
        </button>
      </th>
    );
  };
  return (
    <div class="nbt-scroll nbt-by-name">
      <table aria-label="Spans by name">
        <thead>
          <tr>
            {head("name", "Name", false)}
            {used.map(({ key, title }) => head(key, title, true))}
          </tr>
        </thead>
        <tbody>
          {shown.map((group) => (
            <tr key={`${group.kind} ${group.name}`}>
              <th scope="row">
                <button
                  type="button"
                  class="nbt-link"
                  title="Go to the one that took longest"
                  onClick={() => onPick(group.row)}
                >
                  <KindIcon kind={group.kind} />
                  <span class="nbt-text">{group.name}</span>
                </button>
              </th>
              {used.map(({ key, show }) => (
                <td
                  key={key}
                  class={key === "errors" ? "nbt-number-cell nbt-error-cell" : "nbt-number-cell"}
                  style={
                    key === "self"
                      ? { "--nbt-share": `${((100 * group.self) / most).toFixed(1)}%` }
                      : {}
                  }
                >
                  {show(group)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {groups.length > shown.length && (
        <p class="nbt-note">{count(groups.length - shown.length)} more names are not shown.</p>
      )}
    </div>
  );
}
