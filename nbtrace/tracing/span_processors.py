"""The functions given to ``configure(span_processors=...)``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbtrace.tracing.live_span import LiveSpan

logger = logging.getLogger("nbtrace")


class SpanProcessors:
    """The functions that see each span before it ends, and may change it."""

    __slots__ = ("functions",)

    def __init__(self) -> None:
        self.functions: tuple[Any, ...] = ()

    def run(self, span: LiveSpan) -> None:
        """Show a span to each function; one that fails is named in the log and changes nothing."""
        for function in self.functions:
            try:
                function(span)
            except Exception as error:
                logger.warning(
                    "the span processor %r failed on span %r: %s", function, span.name, error
                )


span_processors = SpanProcessors()
