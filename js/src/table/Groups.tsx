/** Traces with a value in common: how many, how slow, how dear; a group that is chosen is a filter. */
import type { JSX, TargetedKeyboardEvent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { count, counted, dollars, duration } from "../page/format";
import type { Group, GroupOrder } from "./messages";
import { type Pill, split } from "./pills";
import type { TableSession } from "./session";

const FIELDS: Record<string, string> = {
  name: "name",
  session: "session",
  user: "user",
  cell: "cell",
  notebook: "notebook",
  model: "model",
  state: "status",
  experiment: "experiment",
};
const TAG = "tags.";
const tagOf = (field: string): string => `tag ${field.slice(TAG.length)}`;
/** What is sent at once; more are asked for. */
const GROUPS = 50;

const milliseconds = (value: number | null): string =>
  value === null ? "" : duration(value * 1e6) || "0";
const COLUMNS: readonly [order: GroupOrder, title: string, text: (group: Group) => string][] = [
  ["count", "Traces", (group) => count(group.count)],
  ["errors", "Errors", (group) => count(group.errors)],
  ["p50", "p50", (group) => milliseconds(group.p50)],
  ["p95", "p95", (group) => milliseconds(group.p95)],
  ["tokens", "Tokens", (group) => count(group.tokens)],
  ["cost", "Cost", (group) => dollars(group.cost)],
];

export interface GroupsProps {
  session: TableSession;
  by: string;
  pills: readonly Pill[];
  onBy: (by: string) => void;
  onToggle: (pill: Pill) => void;
}

export function Groups({ session, by, pills, onBy, onToggle }: GroupsProps): JSX.Element {
  const [order, setOrder] = useState<GroupOrder>("count");
  const [descending, setDescending] = useState(true);
  const [limit, setLimit] = useState(GROUPS);
  useEffect(() => session.wantFigures("facet", ["tag_keys"]), [session]);
  useEffect(
    () => session.wantGroups({ by, order_by: order, descending, limit }),
    [session, by, order, descending, limit],
  );
  useEffect(() => () => session.wantGroups(null), [session]);
  const { groups } = session;
  const tags = (session.facets.get("tag_keys")?.values ?? []).map(([key]) => TAG + key);
  const fields = [...Object.keys(FIELDS), ...tags];
  return (
    <section class="nbt-groups" aria-label="Groups">
      <div class="nbt-filter-line">
        <select
          class="nbt-input"
          aria-label="Group by"
          value={by}
          onChange={(event) => {
            setLimit(GROUPS);
            onBy(event.currentTarget.value);
          }}
        >
          {(fields.includes(by) ? fields : [...fields, by]).map((field) => (
            <option key={field} value={field}>
              {FIELDS[field] ?? tagOf(field)}
            </option>
          ))}
        </select>
        <span class="nbt-note">{groups ? counted(groups.total, "group") : "counting…"}</span>
      </div>
      <table aria-label="Groups of traces">
        <thead>
          <tr>
            <th scope="col">{FIELDS[by] ?? tagOf(by)}</th>
            {COLUMNS.map(([id, title]) => (
              <th
                scope="col"
                key={id}
                {...(order === id ? { "aria-sort": descending ? "descending" : "ascending" } : {})}
              >
                <button
                  type="button"
                  class="nbt-button"
                  onClick={() => {
                    setOrder(id);
                    setDescending(order !== id || !descending);
                  }}
                >
                  {title}
                  {order === id && <span aria-hidden="true">{descending ? " ↓" : " ↑"}</span>}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody onKeyDown={stepThrough}>
          {groups?.groups.map((group, index) => {
            const pill = split(group.filter)[0];
            return (
              <tr key={group.filter}>
                <th scope="row">
                  <button
                    type="button"
                    tabIndex={index === 0 ? 0 : -1}
                    aria-pressed={pills.some((other) => other.text === pill?.text)}
                    title={`Only ${group.filter}`}
                    onClick={() => pill && onToggle(pill)}
                  >
                    {group.label || "(none)"}
                  </button>
                </th>
                {COLUMNS.map(([id, , text]) => (
                  <td key={id} class={id === "errors" && group.errors > 0 ? "nbt-errors" : ""}>
                    {text(group)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
      {groups && groups.total > groups.groups.length && (
        <button type="button" class="nbt-button" onClick={() => setLimit(limit + GROUPS)}>
          Show more
        </button>
      )}
    </section>
  );
}

/** The groups are one stop of the tabulator; arrows go from one to the next. */
function stepThrough(event: TargetedKeyboardEvent<HTMLElement>): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (step !== 0) {
    const buttons = [...event.currentTarget.querySelectorAll("button")];
    event.preventDefault();
    buttons[buttons.indexOf(event.target as HTMLButtonElement) + step]?.focus();
  }
}
