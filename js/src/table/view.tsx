/** The table as a kind of widget. */
import type { View } from "../page/view";
import { TableSession } from "./session";
import { TraceTable } from "./TraceTable";

/** A column's edge that is dragged must not write to the kernel at every pixel. */
const KEEP_LAYOUT_MS = 400;

let keeping: ReturnType<typeof setTimeout> | undefined;

export const tableView: View<TableSession> = {
  open: (model) => new TableSession(model),
  observed: ["_layout", "height"],
  draw: (session, model, redraw) => (
    <TraceTable
      session={session}
      height={Number(model.get("height") ?? 420)}
      layout={model.get("_layout")}
      onLayout={(layout) => {
        model.set("_layout", layout ?? {});
        redraw();
        clearTimeout(keeping);
        keeping = setTimeout(
          () => void session.ask("layout", { layout: layout ?? {} }),
          KEEP_LAYOUT_MS,
        );
      }}
    />
  ),
};
