"""The timeline as a picture."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

import nbtrace
from nbtrace.entities import Span, Trace

SVG = "{http://www.w3.org/2000/svg}"


def a_trace(*names: str, step: int = 10) -> Trace:
    return Trace.from_spans(
        [
            Span(
                trace_id="tr-" + "0a" * 16,
                span_id=f"{at + 1:016x}",
                parent_id=f"{1:016x}" if at else None,
                name=name,
                start_time_ns=1_000 + at * step,
                end_time_ns=1_000 + (at + 1) * step if at else 1_000 + len(names) * step,
            )
            for at, name in enumerate(names)
        ]
    )


def test_each_span_has_a_name_and_a_bar_in_place(tmp_path):
    path = tmp_path / "trace.svg"
    picture = a_trace("ask", "first", "second").to_svg()
    assert a_trace("ask", "first", "second").to_svg(path) is None
    assert path.read_text(encoding="utf-8") == picture
    assert path.stat().st_mode & 0o777 == 0o600
    root = ET.fromstring(picture)
    rows = root.findall(f"{SVG}g")
    assert [row.findall(f"{SVG}text")[0].text for row in rows] == ["ask", "first", "second"]
    bars = [row.findall(f"{SVG}rect")[1] for row in rows]
    left = [float(bar.attrib["x"]) for bar in bars]
    assert left[0] < left[1] < left[2]


def test_large_traces_say_what_is_left_out():
    picture = a_trace("ask", *["step"] * 500).to_svg()
    assert len(ET.fromstring(picture).findall(f"{SVG}g")) == 200
    assert "301 more spans not shown" in picture


def test_no_names_where_none_may_be_saved():
    nbtrace.configure(saved="none")
    picture = a_trace("ask", "hidden").to_svg()
    assert "hidden" not in picture


@given(st.lists(st.text(), min_size=1, max_size=4), st.integers(-5, 5))
def test_any_name_makes_a_well_formed_picture(names: list[str], step: int):
    picture = a_trace(*names, step=step).to_svg()
    assert picture is not None
    ET.fromstring(picture)
