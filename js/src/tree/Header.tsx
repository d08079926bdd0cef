/** The line above the tree: name, state and the figures of the whole trace. */
import type { JSX } from "preact";
import { count, dollars, duration } from "../page/format";
import { StateIcon } from "../page/kinds";
import type { State } from "../types";
import type { TreeSession } from "./session";

export interface HeaderProps {
  session: TreeSession;
  onFoldAll: () => void;
  onOpenAll: () => void;
  onNextError: () => void;
  onHelp: () => void;
}

export function Header(props: HeaderProps): JSX.Element | null {
  const { summary } = props.session;
  if (!summary) {
    return null;
  }
  const state: State = !summary.finished ? "open" : summary.state === "ERROR" ? "error" : "ok";
  const figures = [
    duration(props.session.now() - props.session.origin()),
    summary.spans === 1 ? "1 span" : `${count(summary.spans)} spans`,
    summary.tokens === null ? "" : `${count(summary.tokens)} tokens`,
    dollars(summary.cost),
    summary.model ?? "",
  ].filter(Boolean);
  return (
    <header class="nbt-header">
      <StateIcon state={state} />
      <strong title={summary.trace_id}>{summary.name}</strong>
      <span class="nbt-figures">
        {figures.map((figure) => (
          <span key={figure}>{figure}</span>
        ))}
        {summary.errors > 0 && (
          <button type="button" class="nbt-button nbt-errors" onClick={props.onNextError}>
            {summary.errors === 1 ? "1 error" : `${count(summary.errors)} errors`}
          </button>
        )}
      </span>
      {props.session.partial && (
        <span class="nbt-note" role="status">
          earlier spans come when the kernel is free
        </span>
      )}
      <span class="nbt-tools">
        <button type="button" class="nbt-button" title="Fold all ([)" onClick={props.onFoldAll}>
          −
        </button>
        <button type="button" class="nbt-button" title="Unfold all (])" onClick={props.onOpenAll}>
          +
        </button>
        <button type="button" class="nbt-button" title="Keyboard (?)" onClick={props.onHelp}>
          ?
        </button>
      </span>
    </header>
  );
}
