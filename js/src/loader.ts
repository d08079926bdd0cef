/**
 * The small module that a model's state carries: it fetches the real one and hands over.
 *
 * Front ends save a model's state, its module included, so the bundle must not be in there. The
 * kernel pushes it as a custom message, which nobody saves; here it is kept by its hash for all
 * widgets of the page and in sessionStorage for a reload. `initialize` listens at once and never
 * waits (anywidget allows it two seconds); `render` waits for the module.
 */
import type { KernelMessage, Model, WidgetModule } from "./types";

interface Shared {
  module: Promise<WidgetModule>;
  resolve: (module: WidgetModule) => void;
  loaded: boolean;
}

type Page = typeof globalThis & { nbtraceBundles?: Map<string, Shared> };

/** How long the kernel's own push may take before the page asks: a busy kernel cannot answer. */
const ASK_AFTER_MS = 300;
const STORAGE_KEY = "nbtrace-bundle";

function shared(hash: string): Shared {
  const page = globalThis as Page;
  page.nbtraceBundles ??= new Map();
  const known = page.nbtraceBundles.get(hash);
  if (known) {
    return known;
  }
  let resolve: Shared["resolve"] = () => {};
  const module = new Promise<WidgetModule>((done) => {
    resolve = done;
  });
  const entry = { module, resolve, loaded: false };
  page.nbtraceBundles.set(hash, entry);
  return entry;
}

async function matches(text: string, hash: string): Promise<boolean> {
  // Without a secure context there is no digest; then only what the kernel pushed is run.
  const digest = await globalThis.crypto?.subtle?.digest("SHA-256", new TextEncoder().encode(text));
  return (
    digest !== undefined &&
    [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("") === hash
  );
}

async function load(text: string, hash: string): Promise<void> {
  const entry = shared(hash);
  if (entry.loaded) {
    return;
  }
  entry.loaded = true;
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    entry.resolve(await import(url));
  } catch (error) {
    entry.loaded = false;
    throw error;
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function unpack(buffer: DataView): Promise<string> {
  const bytes = new Uint8Array(buffer.buffer as ArrayBuffer, buffer.byteOffset, buffer.byteLength);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

function remember(text: string, hash: string): void {
  try {
    sessionStorage.setItem(STORAGE_KEY, `${hash}\n${text}`);
  } catch {
    // Full or forbidden: a reload then asks the kernel.
  }
}

async function recall(hash: string): Promise<void> {
  let stored: string | null = null;
  try {
    stored = sessionStorage.getItem(STORAGE_KEY);
  } catch {
    return;
  }
  if (stored?.startsWith(`${hash}\n`) && (await matches(stored.slice(hash.length + 1), hash))) {
    await load(stored.slice(hash.length + 1), hash);
  }
}

export default {
  initialize({ model, signal }: { model: Model; signal?: AbortSignal }): void {
    const hash = String(model.get("_bundle"));
    const entry = shared(hash);
    const waiting: [KernelMessage, DataView[]][] = [];
    let connected = false;
    const receive = (message: KernelMessage, buffers: DataView[]): void => {
      const first = buffers?.[0];
      if (message.kind === "bundle" && message.hash === hash && first) {
        void unpack(first).then((text) => {
          remember(text, hash);
          return load(text, hash);
        });
      } else if (!connected) {
        waiting.push([message, buffers]);
      }
    };
    model.on("msg:custom", receive);
    let disconnect = (): void => {};
    void entry.module.then((module) => {
      if (signal?.aborted) {
        return;
      }
      connected = true;
      disconnect = module.connect(model, waiting);
      model.send({ kind: "have" });
    });
    const recalled = entry.loaded ? Promise.resolve() : recall(hash);
    const timer = setTimeout(() => {
      void recalled.finally(() => {
        if (!entry.loaded && !signal?.aborted) {
          model.send({ kind: "want" });
        }
      });
    }, ASK_AFTER_MS);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      model.off("msg:custom", receive);
      disconnect();
    });
  },

  async render(context: { model: Model; el: HTMLElement; signal?: AbortSignal }) {
    const module = await shared(String(context.model.get("_bundle"))).module;
    return context.signal?.aborted ? undefined : module.default.render(context);
  },
};
