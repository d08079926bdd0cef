"""What pages and comparisons make of attachments."""

from __future__ import annotations

import base64
import json

import pytest
from media_samples import data_url, png

import nbtrace
from nbtrace.exceptions import NbtraceError
from nbtrace.widgets import attached
from nbtrace.widgets.attached import attachment_content, contents_of
from nbtrace.widgets.html import static_html
from nbtrace.widgets.span_tree import SpanTree
from nbtrace.widgets.trace_comparison import TraceComparison


def recorded(picture):
    with nbtrace.start_span("ask", span_type="CHAT_MODEL") as span:
        content = [{"type": "image_url", "image_url": {"url": data_url(picture)}}]
        span.set_inputs({"messages": [{"role": "user", "content": content}]})
    return nbtrace.get_trace(span.trace_id)


class Sent(SpanTree):
    """A tree that keeps what it sends."""

    def __init__(self, trace):
        self.sent = []
        super().__init__(trace)

    def send(self, content, buffers=None):
        self.sent.append((content, [bytes(buffer) for buffer in buffers or []]))

    def ask(self, method, **params):
        self._answer({"kind": "request", "id": "1", "method": method, "params": params})
        return self.sent[-1]


def test_a_page_gets_the_content_as_it_is():
    trace = recorded(png())
    tree = Sent(trace)
    [found] = trace.data.spans[0].attachments
    answer, buffers = tree.ask("attachment", trace_id=trace.info.trace_id, attachment_id=found.id)
    assert (answer["binary"], answer["error"]) == (True, None)
    assert buffers == [png()]
    answer, buffers = tree.ask("details", span_id=trace.data.spans[0].span_id)
    assert answer["binary"] is False
    assert json.loads(buffers[0])["messages"][0]["parts"][0]["mime_type"] == "image/png"
    answer, buffers = tree.ask(
        "attachment", trace_id=trace.info.trace_id, attachment_id="../nbtrace.db"
    )
    assert "it is not in this store" in answer["error"]
    assert buffers == []


def test_content_that_is_not_there_is_told():
    with pytest.raises(NbtraceError, match="open the store that recorded it"):
        attachment_content("tr-" + "0a" * 16, "0b" * 32)


def test_a_page_without_a_kernel_carries_each_picture_once_and_so_much(monkeypatch):
    trace = recorded(png())
    [found] = trace.data.spans[0].attachments
    carried = contents_of([*trace.data.spans, *trace.data.spans])
    assert carried == {
        (trace.info.trace_id, found.id): base64.b64encode(png()).decode(),
    }
    monkeypatch.setattr(attached, "PAGE_BYTES", 1_000)
    assert contents_of(trace.data.spans) == {}


def test_a_saved_notebook_says_what_there_was():
    text = static_html(recorded(png()))
    assert f"[image/png, {len(png()) / 1000:.1f} kB]" in text
    assert "mlflow-attachment" not in text


def test_the_same_picture_in_two_traces_is_no_change():
    before, after, other = recorded(png()), recorded(png()), recorded(png(100, 90))
    [line] = TraceComparison(before, after).data["lines"]
    assert line["changes"] == []
    comparison = TraceComparison(before, other)
    [line] = comparison.data["lines"]
    assert line["changes"] == ["inputs"]
