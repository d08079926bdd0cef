"""What differs between two traces: the spans of both in one list, each with what became of it.

`align` says which span is which; here each pair is judged. A span is changed when its inputs,
outputs, status, error or model differ, and slower or faster when its duration differs by more than
runs of the same code mostly do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.entities.attachment import described
from nbtrace.entities.constant import SpanAttributeKey
from nbtrace.entities.span_status import SpanStatusCode
from nbtrace.widgets.alignment import align
from nbtrace.widgets.json_value import json_text
from nbtrace.widgets.source import source_of
from nbtrace.widgets.span_facts import error_message, facts_of, safe_text, usage_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.entities.span import Span
    from nbtrace.entities.trace import Trace
    from nbtrace.widgets.alignment import Pair
    from nbtrace.widgets.diff_messages import (
        DiffData,
        DiffLine,
        DiffValues,
        SideSpan,
        SideTotals,
        SideValues,
        Speed,
    )

# Two runs of the same code differ by less than this, both relative and absolute.
NOTABLE_RATIO = 1.25
NOTABLE_NS = 1_000_000
NAME_CHARACTERS = 200
# Word by word a page compares texts of this length at once.
VALUE_CHARACTERS = 200_000


def _values(span: Span) -> tuple[str | None, str | None]:
    """Return inputs and outputs as JSON text; those of other conventions through the normaliser."""
    attributes = span.raw_attributes
    inputs: Any = attributes.get(SpanAttributeKey.INPUTS)
    outputs: Any = attributes.get(SpanAttributeKey.OUTPUTS)
    if inputs is None and outputs is None and attributes:
        from nbtrace.otel.conventions import view

        seen = view(span)
        inputs, outputs = (
            None if value is None else json_text(value) for value in (seen.inputs, seen.outputs)
        )
    return _text(inputs), _text(outputs)


def _text(value: Any) -> str | None:
    """Return a value as JSON text, in which the same picture of two traces is the same."""
    text = value if value is None or isinstance(value, str) else json_text(value)
    return None if text is None else described(text, told_apart=True)


def changes_of(before: Span, after: Span) -> list[str]:
    """Return the names of what differs between two spans, their times aside.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> def span(outputs):
    ...     return Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="ask", start_time_ns=1,
    ...                 end_time_ns=2, attributes={"mlflow.spanOutputs": outputs})
    >>> changes_of(span("1"), span("1")), changes_of(span("1"), span("2"))
    ([], ['outputs'])
    """
    old, new = _values(before), _values(after)
    differ = {
        "inputs": old[0] != new[0],
        "outputs": old[1] != new[1],
        "status": before.status.status_code is not after.status.status_code,
        "error": error_message(before) != error_message(after),
        "model": facts_of(before).model != facts_of(after).model,
    }
    return [name for name, differs in differ.items() if differs]


def speed_of(before_ns: int | None, after_ns: int | None) -> Speed:
    """Say whether the second of two durations in nanoseconds is notably longer or shorter.

    Examples
    --------
    >>> speed_of(10_000_000, 20_000_000), speed_of(20_000_000, 10_000_000), speed_of(10, 20)
    ('slower', 'faster', '')
    """
    if before_ns is None or after_ns is None or abs(after_ns - before_ns) < NOTABLE_NS:
        return ""
    if after_ns > before_ns * NOTABLE_RATIO:
        return "slower"
    return "faster" if before_ns > after_ns * NOTABLE_RATIO else ""


class TraceComparison:
    """Two traces, compared.

    Parameters
    ----------
    before, after : Trace
        The traces; the second is the one that is judged.

    Attributes
    ----------
    before, after : Trace
        The traces.
    pairs : list of Pair
        Their spans, matched, in the order of ``data["lines"]``.
    data : DiffData
        What differs, ready for JSON.
    """

    def __init__(self, before: Trace, after: Trace) -> None:
        self.before, self.after = before, after
        old, new = before.data.spans, after.data.spans
        self.pairs = align(old, new)
        self.data: DiffData = {
            "before": _totals(before, old),
            "after": _totals(after, new),
            "lines": [_line(pair) for pair in self.pairs],
        }

    def values_of(self, line: int) -> DiffValues:
        """Return the values of the spans of one line.

        Raises
        ------
        IndexError
            When there is no such line.
        """
        pair = self.pairs[line]
        return {"before": _side_values(pair.before), "after": _side_values(pair.after)}


def _totals(trace: Trace, spans: Sequence[Span]) -> SideTotals:
    tokens, cost = usage_of(spans)
    ends = [span.end_time_ns for span in spans if span.end_time_ns is not None]
    starts = [span.start_time_ns for span in spans]
    return {
        "trace_id": trace.info.trace_id,
        "name": safe_text(source_of(trace).name[:NAME_CHARACTERS]),
        "state": str(trace.info.state),
        "request_time_ms": trace.info.request_time,
        "duration_ns": max(ends) - min(starts) if ends else None,
        "spans": len(spans),
        "errors": sum(span.status.status_code is SpanStatusCode.ERROR for span in spans),
        "tokens": tokens,
        "cost": cost,
    }


def _line(pair: Pair) -> DiffLine:
    shown = pair.after or pair.before
    assert shown is not None, "a pair has a span"  # noqa: S101 - for the type checker
    before, after = pair.before, pair.after
    changes = changes_of(before, after) if before and after else []
    return {
        "depth": pair.depth,
        "name": safe_text(shown.name[:NAME_CHARACTERS]),
        "kind": safe_text(facts_of(shown).kind),
        "mark": "added" if not before else "removed" if not after else "changed" if changes
        else "same",
        "moved": pair.moved,
        "speed": speed_of(before.duration_ns, after.duration_ns) if before and after else "",
        "changes": changes,
        "before": _side(before),
        "after": _side(after),
    }  # fmt: skip


def _side(span: Span | None) -> SideSpan | None:
    if span is None:
        return None
    facts = facts_of(span)
    return {
        "span_id": span.span_id,
        "duration_ns": span.duration_ns,
        "tokens": facts.tokens,
        "cost": facts.cost,
        "error": span.status.status_code is SpanStatusCode.ERROR,
    }


def _side_values(span: Span | None) -> SideValues | None:
    if span is None:
        return None
    inputs, outputs = _values(span)
    return {
        "inputs": inputs and safe_text(inputs[:VALUE_CHARACTERS]),
        "outputs": outputs and safe_text(outputs[:VALUE_CHARACTERS]),
        "error": safe_text(error_message(span)[:VALUE_CHARACTERS]),
        "cut": max(len(inputs or ""), len(outputs or "")) > VALUE_CHARACTERS,
    }
