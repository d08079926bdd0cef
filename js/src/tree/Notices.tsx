/** What stands between the header and the tree: where one is, and what is out of the ordinary. */
import type { JSX } from "preact";
import { counted } from "../page/format";
import type { Analysis } from "./analysis";
import { ancestors } from "./layout";
import type { TreeSession } from "./session";

export interface NoticesProps {
  session: TreeSession;
  analysis: Analysis;
  root: number;
  onFocus: (row: number) => void;
}

export function Notices({ session, analysis, root, onFocus }: NoticesProps): JSX.Element {
  const words = noticeOf(session, analysis);
  return (
    <>
      {root >= 0 && <Path session={session} analysis={analysis} root={root} onFocus={onFocus} />}
      <p class={words === "" ? "nbt-unseen" : "nbt-notice"} role="status">
        {words}
      </p>
    </>
  );
}

function noticeOf(session: TreeSession, analysis: Analysis): string {
  const { summary } = session;
  const { open } = analysis.times;
  if (session.silent) {
    return "No word from the kernel: it may be stuck or gone. This is the last that came.";
  }
  if (session.partial) {
    return "Earlier spans come when the kernel is free.";
  }
  if (!summary || open === 0) {
    return "";
  }
  const spans = counted(open, "span");
  if (!session.following) {
    return `${spans} had not ended when this was read.`;
  }
  return summary.finished ? `${spans} still running after the cell.` : "";
}

/** Longer paths show their ends. */
const MOST_STEPS = 6;

/** The way from the whole trace down to the row that is drawn as root. */
function Path({ session, analysis, root, onFocus }: NoticesProps): JSX.Element {
  const way = ancestors(analysis.layout, root).reverse();
  const shown = way.length > MOST_STEPS ? [...way.slice(0, 2), -1, ...way.slice(-3)] : way;
  return (
    <nav class="nbt-path" aria-label="Subtree">
      <button type="button" class="nbt-button" onClick={() => onFocus(-1)}>
        whole trace
      </button>
      {shown.map((row) =>
        row < 0 ? (
          <span key={row}>…</span>
        ) : (
          <button key={row} type="button" class="nbt-button" onClick={() => onFocus(row)}>
            {session.rows.names[row]}
          </button>
        ),
      )}
      <strong>{session.rows.names[root]}</strong>
    </nav>
  );
}
