"""The page that holds one trace."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re

from nbtrace.entities import Span, Trace


def a_trace(name: str = "ask", **attributes: str) -> Trace:
    return Trace.from_spans(
        [
            Span(
                trace_id="tr-" + "0a" * 16,
                span_id="0b" * 8,
                name=name,
                start_time_ns=1_000,
                end_time_ns=2_000,
                attributes=attributes,
            )
        ]
    )


def test_the_page_is_written_for_its_owner_only(tmp_path):
    path = tmp_path / "trace.html"
    assert a_trace().to_html(path) is None
    assert path.read_text(encoding="utf-8") == a_trace().to_html()
    assert path.stat().st_mode & 0o777 == 0o600


def test_only_the_page_s_own_script_may_run():
    page = a_trace().to_html()
    (allowed,) = re.findall(r"script-src '(sha256-[^']+)'", page)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert allowed == f"sha256-{digest}"
    assert "default-src 'none'" in page
    assert "http://" not in page.replace("http://www.w3.org/", "")


def test_the_page_carries_every_answer():
    text = "remember " * 10_000
    page = a_trace(note=text).to_html()
    (packed,) = re.findall(r"id='nbtrace-data'>([^<]*)<", page)
    data = json.loads(gzip.decompress(base64.b64decode(packed)))
    details = json.loads(data["answers"]['details["' + "0b" * 8 + '"]'])
    (attribute,) = details["attributes"]
    assert (attribute["key"], attribute["value"]["text"]) == ("note", text)
    assert "remember" not in page
    assert len(page) < len(text) + 1_000_000


def test_names_cannot_end_an_element():
    page = a_trace("</title></script><script>hacked = 1</script>").to_html()
    assert page.count("</title>") == 1
    assert page.count("<script") == 2


def test_a_value_nested_as_deep_as_any_reader_allows_is_carried():
    depth = 900
    trace = a_trace(**{"mlflow.spanInputs": "[" * depth + "1.5" + "]" * depth})
    page = trace.to_html()
    (packed,) = re.findall(r"id='nbtrace-data'>([^<]*)<", page)
    answers = json.loads(gzip.decompress(base64.b64decode(packed)))["answers"]
    where = json.dumps(["tr-" + "0a" * 16, "0b" * 8], separators=(",", ":"))
    assert "[" * depth in json.loads(answers[f"span_json{where}"])["text"]
    assert answers[f"linked{where}"] == ['details["' + "0b" * 8 + '"]']
