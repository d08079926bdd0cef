"""A Ctrl-C that strikes inside nbtrace itself: at every line of it, one after the other."""

from __future__ import annotations

import linecache
import sys

import pytest

import nbtrace
from nbtrace.tracing.current import get_current
from nbtrace.tracing.recorder import current_recorder

# The files that start and end spans.
FILES = ("/tracing/spans.py", "/tracing/record.py", "/tracing/decorator.py")


class Interrupt:
    """Raises KeyboardInterrupt at the n-th line with a call that is executed in nbtrace's files.

    Python handles signals at calls; between an assignment and a return none can strike.
    """

    def __init__(self, line):
        self.left = line
        self.struck = False

    def __enter__(self):
        sys.settrace(self.call)

    def __exit__(self, *_):
        sys.settrace(None)

    def call(self, frame, _event, _argument):
        return self.first if frame.f_code.co_filename.endswith(FILES) else None

    def first(self, _frame, _event, _argument):
        # No code can guard the moment before its first line.
        return self.line

    def line(self, frame, event, _argument):
        text = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        if event == "line" and not self.struck and "(" in text:
            self.left -= 1
            if self.left < 0:
                self.struck = True
                raise KeyboardInterrupt
        return self.line


def block():
    with nbtrace.start_span("child") as span:
        span.set_inputs({"n": 1})


@nbtrace.trace(name="child")
def call(n):
    return n


@pytest.mark.parametrize("child", [block, lambda: call(1)], ids=["block", "function"])
def test_an_interrupt_inside_a_child_leaves_no_span_open_and_none_current(child):
    child()
    line = 0
    while True:
        before = dict(get_current())
        interrupt = Interrupt(line)
        with nbtrace.start_span("root") as root:
            inside = dict(get_current())
            try:
                with interrupt:
                    child()
            except KeyboardInterrupt:
                assert interrupt.struck
            assert dict(get_current()) == inside, line
            assert list(root.record.trace.open) == [root.span_id], line
        assert dict(get_current()) == before
        trace = nbtrace.get_trace(root.trace_id)
        assert trace.info.state == "OK"
        assert len(trace.data.spans) <= 2
        if not interrupt.struck:
            break
        line += 1
    assert line > 10
    assert len(trace.data.spans) == 2


def test_an_interrupt_inside_a_root_leaves_no_trace_open():
    block()
    line = 0
    while True:
        before = dict(get_current())
        interrupt = Interrupt(line)
        try:
            with interrupt, nbtrace.start_span("root"):
                pass
        except KeyboardInterrupt:
            assert interrupt.struck
        assert dict(get_current()) == before, line
        assert not [trace for trace in current_recorder().traces.values() if trace.open], line
        if not interrupt.struck:
            break
        line += 1
    assert line > 10
    assert nbtrace.flush()
    assert set(nbtrace.search_traces()["state"].astype(str)) <= {"OK", "ERROR"}


def test_options_that_cannot_be_leave_no_trace_open():
    with pytest.raises(nbtrace.NbtraceError), nbtrace.start_span("root", log_level="loud"):
        pass
    assert not dict(get_current())
    with pytest.raises(nbtrace.NbtraceError):
        nbtrace.start_span_no_context("root", log_level="loud")
    assert not [trace for trace in current_recorder().traces.values() if trace.open]
