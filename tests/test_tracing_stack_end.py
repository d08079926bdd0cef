"""At the stack's end redaction fails; what it failed for there is recorded again elsewhere."""

from __future__ import annotations

import contextlib

import nbtrace


def test_keys_names_and_types_seen_at_the_stacks_end_are_kept_afterwards():
    names = {"name": "an-odd-name", "span_type": "AN_ODD_TYPE"}

    def sink(span):
        try:
            sink(span)
        except RecursionError:
            # at every depth on the way up, so that some are just too deep for redaction
            span.set_attribute("an.odd.key", "value")
            with nbtrace.start_span(**names):
                pass
            raise

    with nbtrace.start_span("outer") as span, contextlib.suppress(RecursionError):
        sink(span)

    with nbtrace.start_span(**names) as span:
        span.set_attribute("an.odd.key", "value")
        span.record_exception(ValueError("after"))
    (kept,) = nbtrace.get_trace(span.trace_id).data.spans
    assert (kept.name, kept.span_type) == ("an-odd-name", "AN_ODD_TYPE")
    assert kept.get_attribute("an.odd.key") == "value"
    assert kept.events[0].attributes["exception.type"] == "ValueError"
