/**
 * The script of a page that needs no kernel: what `to_html` of a trace or a comparison writes.
 *
 * The page carries everything the kernel would have sent, packed in one element. Here it is handed
 * to the same widget that notebooks show, by a model that answers from it.
 */
import widget, { connect } from "../widget";
import { OfflineModel, type Packed, unpack } from "./model";

const DATA_ID = "nbtrace-data";
const SPAN_PREFIX = "#span=";

/** The span that the address names, as in `trace.html#span=0a1b2c3d4e5f6071`. */
function spanOfAddress(): string {
  const { hash } = globalThis.location;
  return hash.startsWith(SPAN_PREFIX) ? hash.slice(SPAN_PREFIX.length) : "";
}

async function start(): Promise<void> {
  const text = document.getElementById(DATA_ID)?.textContent ?? "";
  const data = JSON.parse(await unpack(text)) as Packed;
  const model = new OfflineModel(data);
  const select = (): void => {
    model.set("selected_id", spanOfAddress());
  };
  select();
  globalThis.addEventListener("hashchange", select);
  model.on("change:selected_id", () => {
    const span = String(model.get("selected_id"));
    if (span !== spanOfAddress()) {
      history.replaceState(null, "", span === "" ? " " : `${SPAN_PREFIX}${span}`);
    }
  });
  connect(model, model.waiting());
  const el = document.getElementById("nbtrace");
  if (el) {
    widget.render({ model, el });
  }
}

void start();
