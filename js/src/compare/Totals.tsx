/** The figures of both traces, one line each, and what became of them. */
import type { JSX } from "preact";
import { counted, dateTime, dollars, duration } from "../page/format";
import type { DiffData, SideTotals } from "./types";

/** As a person says it: "+12 %", "3.4 ×"; empty where one side is not known. */
export function change(before: number | null, after: number | null): string {
  if (before === null || after === null || before === after || before <= 0) {
    return "";
  }
  const ratio = after / before;
  if (ratio >= 2) {
    return `${ratio.toPrecision(2)} ×`;
  }
  const percent = Math.round((ratio - 1) * 100);
  return percent === 0 ? "" : `${percent > 0 ? "+" : "−"}${Math.abs(percent)} %`;
}

interface Figure {
  name: string;
  words: string;
  change: string;
}

function figures(totals: SideTotals, against: SideTotals | null): Figure[] {
  const number = (
    name: string,
    value: number | null,
    other: number | null | undefined,
    words: string,
  ): Figure => ({ name, words, change: against ? change(other ?? null, value) : "" });
  return [
    number(
      "duration",
      totals.duration_ns,
      against?.duration_ns,
      duration(totals.duration_ns ?? Number.NaN),
    ),
    number("spans", totals.spans, against?.spans, counted(totals.spans, "span")),
    number(
      "tokens",
      totals.tokens,
      against?.tokens,
      totals.tokens === null ? "" : counted(totals.tokens, "token"),
    ),
    number("cost", totals.cost, against?.cost, dollars(totals.cost)),
    number(
      "errors",
      totals.errors,
      against?.errors,
      totals.errors === 0 ? "" : counted(totals.errors, "error"),
    ),
  ].filter((figure) => figure.words !== "");
}

function Side(props: {
  sign: string;
  label: string;
  totals: SideTotals;
  against: SideTotals | null;
}): JSX.Element {
  const { totals } = props;
  return (
    <tr>
      <th scope="row">
        <span class={`nbt-sign nbt-sign-${props.label}`} aria-hidden="true">
          {props.sign}
        </span>
        <span class="nbt-hidden">{props.label}: </span>
        <span title={totals.trace_id}>{totals.name}</span>
      </th>
      <td>{dateTime(totals.request_time_ms)}</td>
      <td>
        {figures(totals, props.against).map((figure) => (
          <span class="nbt-total" key={figure.name}>
            {figure.words}
            {figure.change && <b>{figure.change}</b>}
          </span>
        ))}
      </td>
    </tr>
  );
}

export function Totals({ data }: { data: DiffData }): JSX.Element {
  return (
    <table class="nbt-totals" aria-label="The two traces">
      <tbody>
        <Side sign="−" label="before" totals={data.before} against={null} />
        <Side sign="+" label="after" totals={data.after} against={data.before} />
      </tbody>
    </table>
  );
}
