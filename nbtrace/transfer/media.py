"""Attachments on the way out and in: receivers get the content, this store keeps files again.

What leaves has each attachment where it stood. In a long conversation the same picture may stand in
a thousand spans: when much has been written out of one trace, content that is in it already stays a
reference, which names its content by its digest. So an import has every attachment again, and what
was written out stays bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.entities import SpanEvent, Trace, TraceData
from nbtrace.entities.media import in_texts, put_back
from nbtrace.store.attachments import read_attachment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nbtrace.entities import Span
    from nbtrace.entities.attachment import Reference
    from nbtrace.store.taken_out import TakenOut
    from nbtrace.transfer.receivers import Adapter

    Change = Callable[[Any], Any]

# From here on a trace's content is written out once only.
REPEATED_BYTES = 50_000_000
# Receivers refuse requests of more than some megabytes, and one attachment cannot be split.
REQUEST_ATTACHMENT_BYTES = 8_000_000


def with_content(adapt: Adapter, directory: Path, most_bytes: int | None = None) -> Adapter:
    """Return an adapter to which references have become what they stand for.

    Parameters
    ----------
    adapt : callable
        Makes the spans that are sent.
    directory : pathlib.Path
        The store.
    most_bytes : int, optional
        A larger attachment stays a reference.
    """
    return lambda trace: adapt(content_of(trace, directory, most_bytes))


def content_of(trace: Trace, directory: Path, most_bytes: int | None = None) -> Trace:
    """Return a trace whose references have become what they stand for.

    Parameters
    ----------
    trace : Trace
        Any trace.
    directory : pathlib.Path
        The store.
    most_bytes : int, optional
        A larger attachment stays a reference.
    """
    written: set[str] = set()
    total = 0

    def read(reference: Reference) -> bytes | None:
        nonlocal total
        seen = reference.attachment_id in written
        size = reference.size or 0
        # Another trace's would be there because a text named it, not because it was taken out.
        if reference.trace_id != trace.info.trace_id:
            return None
        if (seen and total + size > REPEATED_BYTES) or (most_bytes and size > most_bytes):
            return None
        content = read_attachment(directory, reference.trace_id, reference.attachment_id)
        if content is not None:
            written.add(reference.attachment_id)
            total += size
        return content

    def change(value: Any) -> Any:
        return in_texts(value, lambda text: put_back(text, read))

    return Trace(trace.info, TraceData([changed(span, change) for span in trace.data.spans]))


def changed(span: Span, change: Change) -> Span:
    """Return a span whose attributes, and those of its events, are changed.

    Parameters
    ----------
    span : Span
        Any span.
    change : callable
        Returns plain data for plain data.
    """
    attributes = dict(span.raw_attributes)
    events = [dict(event.attributes or {}) for event in span.events]
    new = [change(attributes), *map(change, events)]
    if all(one is other for one, other in zip(new, [attributes, *events], strict=True)):
        return span
    return span.replace(
        attributes=new[0],
        events=[
            SpanEvent(event.name, event.timestamp, attributes)
            for event, attributes in zip(span.events, new[1:], strict=True)
        ],
    )


def taken_out(span: Span, taken: TakenOut, redacted: Callable[[Span], Span]) -> Span:
    """Return a span without its secrets, its media kept as attachments.

    Parameters
    ----------
    span : Span
        As it came.
    taken : TakenOut
        Takes them out.
    redacted : callable
        Returns a span without its secrets.
    """
    without = changed(span, lambda value: in_texts(value, taken.text))
    return changed(redacted(without), taken.kept)
