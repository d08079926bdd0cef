"""MLflow's ``extract_fields``: values from inside inputs and outputs as columns.

A field is ``span.inputs``, ``span.outputs`` or ``span.inputs.key``; span and key may stand in
backticks, and the key is one key, dots included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.entities import Trace

__all__ = ["ExtractField", "extract", "parse_extract_field"]


class ExtractField(NamedTuple):
    """A value to take out of a trace.

    Attributes
    ----------
    span : str
        Name of the span; the last one of that name counts.
    side : str
        ``"inputs"`` or ``"outputs"``.
    key : str or None
        A key of the top level; ``None`` takes all.
    """

    span: str
    side: str
    key: str | None = None

    @property
    def column(self) -> str:
        """Name of the column: the field without its backticks."""
        return ".".join(part for part in self if part is not None)


def parse_extract_field(text: str) -> ExtractField:
    """Read one item of ``extract_fields``.

    Parameters
    ----------
    text : str
        Such as ``"`my span`.outputs.answer"``.

    Returns
    -------
    ExtractField
        What it says.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` when it says nothing.

    Examples
    --------
    >>> parse_extract_field("`my span`.outputs.`a.b`").column
    'my span.outputs.a.b'
    """
    span, rest = _take(text, text)
    if rest is None:
        raise _error(text, "Expected dot after span name")
    side, dot, key_text = rest.partition(".")
    if side not in {"inputs", "outputs"}:
        raise _error(text, f"Invalid field type: '{side}'. Expected 'inputs' or 'outputs'.")
    if not dot:
        return ExtractField(span, side)
    if not key_text.startswith("`"):
        return ExtractField(span, side, key_text)
    key, rest = _take(key_text, text)
    if rest is not None:
        raise _error(text, "Unexpected characters after closing backtick")
    return ExtractField(span, side, key)


def _take(text: str, whole: str) -> tuple[str, str | None]:
    """Take a name, maybe in backticks, and return it with what follows its dot."""
    if not text.startswith("`"):
        name, dot, rest = text.partition(".")
        return name, rest if dot else None
    stop = text.find("`", 1)
    if stop < 0:
        raise _error(whole, "Expected closing backtick")
    rest = text[stop + 1 :]
    if not rest:
        return text[1:stop], None
    if not rest.startswith("."):
        raise _error(whole, "Unexpected characters after closing backtick")
    return text[1:stop], rest[1:]


def _error(text: str, problem: str) -> NbtraceError:
    return NbtraceError.invalid(
        f"Invalid item of extract_fields, {text!r}: {problem} Write it as span.inputs, "
        "span.outputs or span.outputs.key, names with dots in backticks."
    )


def extract(traces: Sequence[Trace], field: ExtractField) -> list[Any]:
    """Return the value of a field for each trace.

    Parameters
    ----------
    traces : sequence of Trace
        With their spans.
    field : ExtractField
        What to take.

    Returns
    -------
    list
        ``None`` where a trace has none.
    """
    values = []
    for trace in traces:
        value = None
        for span in reversed(trace.data.spans):
            if span.name == field.span:
                value = span.inputs if field.side == "inputs" else span.outputs
                if field.key is not None:
                    value = value.get(field.key) if isinstance(value, dict) else None
                break
        values.append(value)
    return values
