/** Attributes and events as tables: filtered by a text, each value copied by a click. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { count, duration } from "../page/format";
import { CopyButton } from "./CopyButton";
import { More } from "./More";
import { useLongText } from "./panel";
import { Section } from "./Section";
import { marked, TextBlock } from "./TextBlock";
import type { Attribute, EventDetails } from "./types";
import { read, Shown } from "./Value";

/** Fewer rows than this are seen at a glance. */
const FILTERED_ROWS = 6;
/** Rows drawn at once. */
const SHOWN_ROWS = 200;

export interface AttributesProps {
  attributes: Attribute[];
  /** Whether other parts of the panel tell what is in them. */
  told: boolean;
}

export function Attributes({ attributes, told }: AttributesProps): JSX.Element | null {
  const [filter, setFilter] = useState("");
  const [limit, setLimit] = useState(SHOWN_ROWS);
  if (attributes.length === 0) {
    return null;
  }
  const wanted = filter.toLowerCase();
  const found = attributes.filter((one) => matches(one, wanted));
  return (
    <Section
      kind={told ? "told-attributes" : "attributes"}
      closed={told}
      title="Attributes"
      note={count(attributes.length)}
      tools={
        attributes.length >= FILTERED_ROWS && (
          <input
            class="nbt-field"
            type="search"
            placeholder="Filter"
            aria-label="Filter attributes by key or value"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        )
      }
    >
      {wanted && (
        <p class="nbt-quiet" role="status">
          {count(found.length) || "no"} of {count(attributes.length)} attributes
        </p>
      )}
      <Table attributes={found.slice(0, limit)} mark={filter} label="Attributes" />
      {found.length > limit && (
        <button type="button" class="nbt-button" onClick={() => setLimit(limit * 5)}>
          Show more ({count(found.length - limit)} left)
        </button>
      )}
    </Section>
  );
}

function matches(attribute: Attribute, wanted: string): boolean {
  return (
    wanted === "" ||
    attribute.key.toLowerCase().includes(wanted) ||
    attribute.value.text.toLowerCase().includes(wanted)
  );
}

export interface TableProps {
  attributes: Attribute[];
  label: string;
  mark?: string;
}

export function Table({ attributes, label, mark = "" }: TableProps): JSX.Element | null {
  return attributes.length === 0 ? null : (
    <table class="nbt-table" aria-label={label}>
      <tbody>
        {attributes.map((item) => (
          <Line key={item.key} item={item} mark={mark} />
        ))}
      </tbody>
    </table>
  );
}

function Line({ item, mark }: { item: Attribute; mark: string }): JSX.Element {
  const loading = useLongText(item.value);
  const { text } = loading;
  const nested = item.type === "dict" || item.type === "list" || /^\s*[[{]/.test(text);
  const reading = nested ? read(text, false, loading.complete) : null;
  return (
    <tr>
      <th scope="row" title={`${item.key} (${item.type})`}>
        {mark ? marked(item.key, mark) : item.key}
        <CopyButton what={`the key ${item.key}`} text={() => item.key}>
          key
        </CopyButton>
      </th>
      <td class={`nbt-type-${item.type}`}>
        {reading?.root ? (
          <Shown reading={reading} mode="json" label={item.key} budget={0} />
        ) : (
          <TextBlock text={text} folded lines={6} mark={mark} />
        )}
        <More loading={loading} />
        <CopyButton what={`the value of ${item.key}`} text={() => loading.all()} />
      </td>
    </tr>
  );
}

export function Events(props: { events: EventDetails[]; origin: number }): JSX.Element | null {
  const { events, origin } = props;
  const [filter, setFilter] = useState("");
  if (events.length === 0) {
    return null;
  }
  const wanted = filter.toLowerCase();
  const found = events.filter(
    (event) =>
      event.name.toLowerCase().includes(wanted) ||
      event.attributes.some((one) => matches(one, wanted)),
  );
  return (
    <Section
      kind="events"
      title="Events"
      note={count(events.length)}
      tools={
        events.length >= FILTERED_ROWS && (
          <input
            class="nbt-field"
            type="search"
            placeholder="Filter"
            aria-label="Filter events"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        )
      }
    >
      {found.slice(0, SHOWN_ROWS).map((event, index) => (
        <div class="nbt-event" key={index}>
          <span class="nbt-quiet">+{duration(event.time_ns - origin)}</span>{" "}
          <strong>{event.name}</strong>
          <Table
            attributes={event.attributes}
            label={`Attributes of ${event.name}`}
            mark={filter}
          />
        </div>
      ))}
    </Section>
  );
}
