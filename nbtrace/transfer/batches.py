"""How many spans go into one request: receivers take some megabytes, and wait some seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nbtrace.entities import Span

# Receivers take a few megabytes, and a span with a prompt is some kilobytes.
REQUEST_SPANS = 500
REQUEST_BYTES = 3 << 20


def size_of(spans: Iterable[Span]) -> float:
    """Return how full a request is with these spans; 1.0 is full.

    Examples
    --------
    >>> size_of([])
    0.0
    """
    count = size = 0
    for span in spans:
        count += 1
        size += sum(len(value) for value in span.raw_attributes.values() if isinstance(value, str))
    return max(count / REQUEST_SPANS, size / REQUEST_BYTES)


def batches(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Yield spans in lists that fill a request each.

    Examples
    --------
    >>> list(batches([]))
    []
    """
    batch: list[Span] = []
    size = 0.0
    for span in spans:
        batch.append(span)
        size += size_of((span,))
        if len(batch) >= REQUEST_SPANS or size >= 1.0:
            yield batch
            batch, size = [], 0.0
    if batch:
        yield batch
