/** The comparison as a kind of widget. */
import type { View } from "../page/view";
import { CompareSession } from "./session";
import { TraceDiff } from "./TraceDiff";

export const compareView: View<CompareSession> = {
  open: (model) => new CompareSession(model),
  observed: [],
  draw: (session) => <TraceDiff session={session} />,
};
