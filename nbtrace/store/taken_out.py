"""What is too large to stand in a span, or is no text, taken out of its values and kept beside it.

While a value is encoded its pictures, sound and files are replaced by references and gathered in a
``TakenOut``. Only when the value has been redacted are those written that it still refers to, so
what stood under the name of a secret never reaches the disk, and nothing searches base64 for
secrets, or bends it. What cannot be kept leaves a remark that says what it was and why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace.config import options
from nbtrace.entities.attachment import UNKNOWN_TYPE, Attachment, Reference, references_in
from nbtrace.entities.media import in_texts, may_hold_media, sniffed, take_out
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace.store.attachments import TraceAttachments

__all__ = ["TakenOut"]

# Each is a file: a list of blobs must not become ten thousand of them.
MAX_TAKEN = 100
# What is remembered of a trace, so that a picture is not read anew in every call: about 1 MB.
MAX_KNOWN_TEXTS = 100
MAX_KNOWN_CHARACTERS = 10_000
# Of what may be read as text; searching takes 10 ms a MB, and what was not looked at is not kept.
MAX_SEARCHED_BYTES = 4_000_000
# What nobody can read holds no secret that could be read, and a search would find some by chance.
_OPAQUE = ("image/", "audio/", "video/", "application/pdf", "application/zip")
# SVG is a text.
_TEXTS = ("image/svg",)


class TakenOut:
    """What was taken out of one value.

    Parameters
    ----------
    attachments : TraceAttachments
        Of the trace whose value it is.
    redact : callable
        Returns a text without its secrets.
    """

    __slots__ = ("_attachments", "_found", "_redact", "_texts")

    def __init__(self, attachments: TraceAttachments, redact: Callable[[str], Any]) -> None:
        self._attachments = attachments
        self._redact = redact
        self._found: dict[str, Attachment] = {}
        self._texts: dict[tuple[int, int], str] = {}

    def add(self, content: bytes, content_type: str | None = None, encoding: str = "data") -> str:
        """Take content out and return what stands for it: a reference, or a remark.

        Parameters
        ----------
        content : bytes
            The content.
        content_type : str, optional
            What it is said to be; by default what it looks like.
        encoding : str
            How it stood in a text, see ``Reference``.
        """
        kind = sniffed(content)
        declared = content_type or kind or UNKNOWN_TYPE
        if len(content) > options.max_attachment_bytes:
            return self.too_large(declared, len(content))
        if len(self._found) >= MAX_TAKEN:
            return _remark(declared, len(content), f"the value holds more than {MAX_TAKEN} of them")
        kind = kind or declared
        if not kind.startswith(_OPAQUE) or kind.startswith(_TEXTS):
            if options.redact and len(content) > MAX_SEARCHED_BYTES:
                return _remark(declared, len(content), "too large to be searched for secrets")
            text = content.decode("latin-1")
            if self._redact(text) != text:
                return _remark(declared, len(content), "it holds a secret")
        found = Attachment(content_type=declared, content_bytes=content)
        trace_id = self._attachments.trace_id
        reference = str(Reference(found.id, trace_id, declared, len(content), encoding))
        self._found[reference] = found
        return reference

    def too_large(self, content_type: str, size: int) -> str:
        """Return the remark in place of content that is not taken."""
        limit = f"max_attachment_bytes is {options.max_attachment_bytes:,}"
        return _remark(content_type, size, limit)

    def text(self, text: str) -> str:
        """Return a text with references in place of the media in it."""
        if not may_hold_media(text):
            return text
        # The same message is part of every later call, and an open span is looked at again and
        # again; a text keeps its hash.
        key = (len(text), hash(text))
        known = self._attachments.texts.get(key)
        if known is None:
            known = self._texts[key] = take_out(text, self.add)
        return known

    def kept(self, value: Any) -> Any:
        """Write what a redacted value still refers to, and return the value.

        Parameters
        ----------
        value : object
            JSON text, or plain data. Where something could not be written a remark stands.
        """
        if not self._found:
            return value
        kept = in_texts(value, self._kept)
        self._remember()
        return kept

    def _remember(self) -> None:
        """Have the texts known whose attachments are all on disk."""
        for key, text in self._texts.items():
            short = len(text) <= MAX_KNOWN_CHARACTERS
            if short and all(map(self._attachments.has, references_in(text))):
                self._attachments.texts[key] = text
        while len(self._attachments.texts) > MAX_KNOWN_TEXTS:
            self._attachments.texts.pop(next(iter(self._attachments.texts)))

    def _kept(self, text: str) -> str:
        for reference, attachment in self._found.items():
            if reference not in text:
                continue
            try:
                self._attachments.keep(attachment, options.max_trace_attachment_bytes)
            except (OSError, NbtraceError) as error:
                why = error.strerror if isinstance(error, OSError) else error.message
                size = len(attachment.content_bytes)
                remark = _remark(attachment.content_type, size, why or type(error).__name__)
                text = text.replace(reference, remark)
        return text


def _remark(content_type: str, size: int, why: str) -> str:
    text = f"[nbtrace: {content_type} of {size:,} bytes not kept: {why}]"
    # of characters that JSON does not escape, since it may stand in JSON text
    return "".join(mark if mark.isprintable() and mark not in '"\\' else "'" for mark in text)
