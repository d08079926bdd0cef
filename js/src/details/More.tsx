/** What stands below a text of which only the start is there. */
import type { JSX } from "preact";
import { size } from "../page/format";
import type { Loading } from "./panel";

export function More({ loading }: { loading: Loading }): JSX.Element | null {
  if (loading.complete) {
    return null;
  }
  const waiting = loading.state === "loading" || loading.state === "busy";
  return (
    <p class="nbt-more">
      <span role={loading.state === "failed" ? "alert" : "status"}>
        {loading.state === "failed"
          ? loading.error
          : loading.state === "busy"
            ? "The kernel is busy: the rest comes when it is free."
            : loading.state === "loading"
              ? "Loading…"
              : `The first ${size(loading.text.length)} of ${size(loading.size)}`}
      </span>
      <button type="button" class="nbt-button" disabled={waiting} onClick={loading.more}>
        Load more
      </button>
      <button
        type="button"
        class="nbt-button"
        disabled={waiting}
        onClick={() => {
          loading.all().catch(() => {});
        }}
      >
        Load all
      </button>
    </p>
  );
}
