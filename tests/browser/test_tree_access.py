"""The tree for those who do not see it, or do not see colours: axe, contrast, what is announced."""

from __future__ import annotations

import itertools

import pytest
from live_source import example
from plain_host import PlainHost

from nbtrace.entities import Trace

pytestmark = pytest.mark.browser

RUN_AXE = """async () => {
  const { violations } = await axe.run(".nbt", { resultTypes: ["violations"] });
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((n) => n.html + n.failureSummary)}`);
}"""
COLOURS = """() => {
  const probe = document.createElement("i");
  document.querySelector(".nbt").append(probe);
  // Painted and read back, since a computed colour may be in any notation.
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const read = (value) => {
    probe.style.color = "";
    probe.style.color = value;
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = getComputedStyle(probe).color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const names = ["text", "quiet", "ground", "raised", "brand", "red", "grey", "purple", "blue",
    "rose", "amber", "teal", "cyan", "olive", "green"];
  const found = Object.fromEntries(names.map((name) => [name, read(`var(--nbt-${name})`)]));
  for (const name of ["ground", "raised"]) {
    found[`${name} selected`] =
      read(`color-mix(in srgb, var(--nbt-brand) 20%, var(--nbt-${name}))`);
    found[`${name} matched`] =
      read(`color-mix(in srgb, var(--nbt-amber) 12%, var(--nbt-${name}))`);
  }
  probe.remove();
  return found;
}"""


@pytest.fixture
def trace() -> Trace:
    return Trace.from_spans(example().changes(0)[1])


def luminance(colour: list[int]) -> float:
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in (value / 255 for value in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: list[int], other: list[int]) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(page, trace, axe, dark):
    host = PlainHost(page, trace, dark=dark)
    page.add_script_tag(path=str(axe))
    host.row("chat gpt-5-mini").click()
    page.locator(".nbt-details").wait_for()
    assert page.evaluate(RUN_AXE) == []
    page.get_by_role("button", name="View").click()
    page.get_by_role("dialog", name="View").wait_for()
    assert page.evaluate(RUN_AXE) == []
    page.keyboard.press("Escape")
    host.press("r", "c", "$", "f", "?")
    page.get_by_role("dialog", name="Keyboard").wait_for()
    assert page.evaluate(RUN_AXE) == []
    host.press("Escape", "/")
    page.keyboard.type("total_tokens")
    page.get_by_text("in values").first.wait_for()
    page.get_by_role("button", name="Filter").click()
    assert page.evaluate(RUN_AXE) == []
    assert host.errors == []


@pytest.mark.parametrize("dark", [False, True])
def test_contrast(page, trace, dark):
    PlainHost(page, trace, dark=dark)
    colours = page.evaluate(COLOURS)
    grounds = ["ground", "raised", "ground selected", "raised selected", "ground matched"]
    assert (luminance(colours["ground"]) < 0.2) == dark
    # Texts: 4.5 to 1; shapes that mean something: 3 to 1 (WCAG 2.2 AA).
    for text, ground in itertools.product(("text", "quiet", "red"), grounds):
        assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    kinds = ("grey", "purple", "blue", "rose", "amber", "teal", "cyan", "olive", "green", "brand")
    for shape, ground in itertools.product(kinds, grounds):
        assert contrast(colours[shape], colours[ground]) >= 3, (shape, ground)


def test_one_tab_stop_and_rows_that_speak(page, trace):
    host = PlainHost(page, trace)
    stops = host.grid.locator("xpath=descendant-or-self::*[@tabindex='0']")
    assert stops.count() == 1
    host.press("End")
    active = page.locator(f'[id="{host.grid.get_attribute("aria-activedescendant")}"]')
    assert active.get_attribute("aria-label") == "left open, workflow, incomplete, 30 ms"
    assert active.get_attribute("aria-level") == "2"
    assert active.get_attribute("aria-setsize") == "10"
    host.press("/")
    page.keyboard.type("fetch")
    said = page.locator(".nbt-tree > [aria-live=polite]")
    page.wait_for_function(
        "document.querySelector('.nbt-tree > [aria-live=polite]').innerText.includes('2 spans')"
    )
    page.keyboard.press("Enter")
    assert "at match 1" in said.inner_text()


def test_reduced_motion(page, trace):
    page.emulate_media(reduced_motion="reduce")
    host = PlainHost(page, trace)
    host.press("r")
    page.locator(".nbt-state-open").first.wait_for()
    moving = page.evaluate(
        "document.getAnimations().filter(({ playState }) => playState === 'running').length"
    )
    assert moving == 0
