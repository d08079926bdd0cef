"""A page with nothing of a notebook's front end: a widget, and the contract that hosts keep.

What a widget must be able to do without JupyterLab's classes, style variables and services is
tried here, and what would take long there: a page is up in a tenth of a second.
"""

from __future__ import annotations

import base64
from typing import Any

from nbtrace.widgets.span_tree import SpanTree

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A plain host</title>
<style>body {{ margin: 8px; font-family: sans-serif; background: {ground}; color-scheme: {scheme} }}
</style></head><body><main id="out"></main></body></html>"""
HOST = """async ({ state, messages }) => {
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const listeners = new Map();
  const emit = (event, ...args) =>
    [...(listeners.get(event) ?? [])].forEach((callback) => callback(...args));
  const changed = new Set();
  const model = {
    get: (key) => (key === "_columns" ? bytes(state[key]) : state[key]),
    set(key, value) {
      state[key] = value;
      changed.add(key);
      emit(`change:${key}`);
    },
    save_changes() {
      window.toKernel({ set: Object.fromEntries([...changed].map((key) => [key, state[key]])) });
      changed.clear();
    },
    async send(content) {
      window.deliver(await window.toKernel({ content }));
    },
    on(event, callback) {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(callback));
    },
    off: (event, callback) => listeners.get(event)?.delete(callback),
  };
  window.deliver = (sent) => {
    for (const { content, buffers } of sent) {
      emit("msg:custom", content, buffers.map(bytes));
    }
  };
  window.model = model;
  const url = URL.createObjectURL(new Blob([state._esm], { type: "text/javascript" }));
  const widget = (await import(url)).default;
  widget.initialize({ model });
  window.deliver(messages);
  window.draw = async () => {
    const el = document.createElement("div");
    document.getElementById("out").append(el);
    const end = await widget.render({ model, el });
    window.unmount = () => {
      end();
      el.remove();
    };
  };
  await window.draw();
}"""


class HostedTree(SpanTree):
    """A tree whose messages a `PlainHost` carries."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        self.outbox: list[dict[str, Any]] = []
        # Each test is a page of its own, which has no bundle yet.
        self._pushes.had_at = float("-inf")
        self._pushes.cell = None
        super().__init__(*arguments, **keywords)

    def send(self, content: Any, buffers: Any = None) -> None:
        encoded = [base64.b64encode(bytes(buffer)).decode() for buffer in buffers or []]
        self.outbox.append({"content": content, "buffers": encoded})

    def taken(self) -> list[dict[str, Any]]:
        sent = self.outbox[:]
        del self.outbox[: len(sent)]
        return sent


# Some frames, also on a busy machine.
SETTLED_MS = 120


class PlainHost:
    """One widget in one page."""

    def __init__(self, page: Any, trace: Any, *, dark: bool = False, theme: str = "auto") -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.set_content(
            PAGE.format(ground="#1a1a1a" if dark else "#fff", scheme="dark" if dark else "light")
        )
        page.expose_function("toKernel", self._receive)
        self.mount(trace, theme=theme)

    def mount(self, trace: Any, theme: str = "auto") -> None:
        """Make the widget and draw it."""
        self.tree = HostedTree(trace, theme=theme)
        state = self.tree.get_state()
        values = {
            key: base64.b64encode(bytes(value)).decode() if key == "_columns" else value
            for key, value in state.items()
            if isinstance(value, str | int | float | dict | bytes | type(None))
        }
        self.page.evaluate(HOST, {"state": values, "messages": self.tree.taken()})
        self.grid.last.wait_for()

    def render(self) -> None:
        """Draw the widget again."""
        self.page.evaluate("window.draw()")
        self.grid.wait_for()

    def _receive(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        if "set" in message:
            for key, value in message["set"].items():
                setattr(self.tree, key, value)
            return []
        self.tree._answer(message["content"])
        return self.tree.taken()

    def pump(self) -> None:
        """Deliver what the kernel has sent by itself."""
        self.page.evaluate("(sent) => window.deliver(sent)", self.tree.taken())

    @property
    def grid(self) -> Any:
        return self.page.locator(".nbt-grid")

    @property
    def rows(self) -> Any:
        return self.page.locator(".nbt-row")

    def row(self, name: str) -> Any:
        return self.page.locator(f'.nbt-row:has(.nbt-text:text-is("{name}"))')

    def names(self) -> list[str]:
        """Return the names in sight, once they have come to rest: a page draws a moment later."""
        found: list[str] | None = None
        while True:
            texts = self.page.locator(".nbt-row .nbt-text").all_inner_texts()
            now = [text.strip() for text in texts]
            if now == found:
                return now
            found = now
            self.page.wait_for_timeout(SETTLED_MS)

    def press(self, *keys: str) -> None:
        self.grid.focus()
        for key in keys:
            self.page.keyboard.press(key)
