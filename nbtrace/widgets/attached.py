"""Pictures, sound and files beside the spans: what a page gets of them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from nbtrace.entities.attachment import references_in
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbtrace.entities.span import Span

# A page that is mailed or opened from a disk: all of its attachments together.
PAGE_BYTES = 20_000_000


def attachment_content(trace_id: str, attachment_id: str) -> bytes:
    """Return the content of an attachment of this process's store.

    Parameters
    ----------
    trace_id, attachment_id : str
        What the reference says.

    Raises
    ------
    NbtraceError
        When the store has none.
    """
    from nbtrace.store import current_store
    from nbtrace.store.attachments import read_attachment

    found = read_attachment(current_store().directory, trace_id, attachment_id)
    if found is None:
        message = "it is not in this store; open the store that recorded it"
        raise NbtraceError.missing(message)
    return found


def contents_of(spans: Iterable[Span]) -> dict[tuple[str, str], str]:
    """Return the content of what spans refer to, as base64, for a page without a kernel.

    Parameters
    ----------
    spans : iterable of Span
        Of one trace.

    Returns
    -------
    dict of (str, str) to str
        By trace id and attachment id. What would make the page too large is left out.
    """
    found: dict[tuple[str, str], str] = {}
    total = 0
    for span in spans:
        events = [dict(event.attributes or {}) for event in span.events]
        for reference in references_in([dict(span.raw_attributes), events]):
            key = reference.trace_id, reference.attachment_id
            if key in found or total + (reference.size or 0) > PAGE_BYTES:
                continue
            try:
                content = attachment_content(*key)
            except NbtraceError:
                continue
            total += len(content)
            found[key] = base64.b64encode(content).decode()
    return found
