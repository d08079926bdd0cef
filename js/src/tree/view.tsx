/** The tree as a kind of widget. */
import type { View } from "../page/view";
import { SpanTree } from "./SpanTree";
import { TreeSession } from "./session";

export const treeView: View<TreeSession> = {
  open: (model) => new TreeSession(model),
  observed: ["selected_id"],
  draw: (session, model, redraw) => (
    <SpanTree
      session={session}
      selectedId={String(model.get("selected_id") ?? "")}
      onSelect={(spanId) => {
        model.set("selected_id", spanId);
        model.save_changes();
        redraw();
      }}
    />
  ),
};
