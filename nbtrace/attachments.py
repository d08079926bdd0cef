"""Pictures, sound and files that stand beside the spans, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.entities.attachment import references_in
from nbtrace.store import current_store

if TYPE_CHECKING:
    from nbtrace.entities import Span
    from nbtrace.entities.attachment import Attachment


def get_attachment(reference: str) -> Attachment:
    """Return what a reference in a span stands for.

    Parameters
    ----------
    reference : str
        As it stands in the span's inputs, outputs or attributes: ``mlflow-attachment://...``.

    Returns
    -------
    Attachment
        Its ``content_bytes`` and ``content_type``; a notebook shows a picture as such.

    Raises
    ------
    NbtraceError
        For what is no reference, and when this store has no such attachment.

    Examples
    --------
    >>> import nbtrace
    >>> from nbtrace.tracing.attachments import Attachment
    >>> with nbtrace.start_span("look") as span:
    ...     span.set_inputs(Attachment(content_type="image/png", content_bytes=b"..."))
    >>> nbtrace.get_attachment(nbtrace.get_trace(span.trace_id).data.spans[0].inputs)
    Attachment(content_type='image/png', size=3)
    """
    from nbtrace.store.attachments import get_attachment as read

    return read(current_store().directory, reference)


def attachments_of(span: Span) -> list[Attachment]:
    """Return what the references in a span stand for, each once, as far as this store has it.

    Parameters
    ----------
    span : Span
        Any span.
    """
    from nbtrace.entities.attachment import Attachment
    from nbtrace.store.attachments import read_attachment

    events = [dict(event.attributes or {}) for event in span.events]
    found = {}
    for reference in references_in([dict(span.raw_attributes), events]):
        if reference.attachment_id not in found:
            content = read_attachment(
                current_store().directory, reference.trace_id, reference.attachment_id
            )
            if content is not None:
                found[reference.attachment_id] = Attachment(
                    content_type=reference.content_type, content_bytes=content
                )
    return list(found.values())
