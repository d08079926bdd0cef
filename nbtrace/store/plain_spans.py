"""Plain spans: what nearly every span is, and how the journal keeps it.

A plain span is one of nbtrace's own with a name, a type, inputs, outputs and a status, and nothing
else. The journal has it as the JSON array of its fields, which costs the traced code a third of
what its OTLP line would. The line is made from it on the writer's thread, or by whoever reads the
journal of a dead process, and the index row without parsing that line again.
"""

from __future__ import annotations

import orjson

INPUTS_KEY = "mlflow.spanInputs"
OUTPUTS_KEY = "mlflow.spanOutputs"
TYPE_KEY = "mlflow.spanType"
FUNCTION_KEY = "mlflow.spanFunctionName"

# Name, type as JSON text ("" for none) and traced function as JSON text: redacted, the same for
# many spans.
Words = tuple[str, str, str | None]

# The fields of a plain span: trace, span and parent id, words, start, end, status, inputs, outputs.
PlainSpan = tuple[str, str, str | None, Words, int, int, int, str | None, str | None]

STATUSES = (b'],"status":{}', b'],"status":{"code":1}', b'],"status":{"code":2}')
_ATTRIBUTE = b',{"key":"%b","value":{"stringValue":%%b}}'
_INPUTS, _OUTPUTS, _TYPE, _FUNCTION = (
    _ATTRIBUTE % key.encode() for key in (INPUTS_KEY, OUTPUTS_KEY, TYPE_KEY, FUNCTION_KEY)
)
_PARENT = b'"parentSpanId":"%b",'
_END = b'"endTimeUnixNano":"%d",'
_SPAN = (
    b'{"traceId":"%b","spanId":"%b",%b"flags":%d,"name":%b,"kind":%d,'
    b'"startTimeUnixNano":"%d",%b'
    b'"attributes":[%b}'
)
_INTERNAL = 1
# OTLP's bits: whether the parent is remote is known, and it is.
KNOWN_REMOTE, REMOTE = 0x100, 0x300
# Made-up names, such as one with a number in it, must not fill the memory.
_MAX_WORDS = 1_000
_encoded: dict[Words, tuple[bytes, bytes, bytes]] = {}
_dumps = orjson.dumps


def _encode(words: Words) -> tuple[bytes, bytes, bytes]:
    name, span_type, function = words
    if len(_encoded) >= _MAX_WORDS:
        _encoded.clear()
    encoded = _encoded[words] = (
        _dumps(name),
        _TYPE % _dumps(span_type) if span_type else b"",
        b"" if function is None else _FUNCTION % _dumps(function),
    )
    return encoded


def span_line(  # noqa: PLR0913, PLR0917 - the fields of a span
    trace: str,
    span_id: str,
    parent_id: str | None,
    words: Words,
    start: int,
    end: int | None,
    status: int,
    inputs: str | None,
    outputs: str | None,
    kind: int = _INTERNAL,
    flags: int = KNOWN_REMOTE,
    rest: bytes = b"",
) -> bytes:
    """Return a span as one OTLP/JSON object, which is its line in a span file.

    Parameters
    ----------
    trace, span_id, parent_id : str
        Hex digits; no parent for a root.
    words : tuple of str
        Name, type and function.
    start, end : int
        Nanoseconds since the epoch; no end while the span is open.
    status : int
        OpenTelemetry's code: 0 unset, 1 OK, 2 error.
    inputs, outputs : str or None
        JSON text.
    kind : int
        OTLP's kind of span.
    flags : int
        OTLP's flags of a span.
    rest : bytes
        What a span that is not plain has after these attributes, from a comma or bracket on.

    Returns
    -------
    bytes
        Without a line break.

    Examples
    --------
    >>> line = span_line("0a" * 16, "0b" * 8, None, ("ask", '"TOOL"', None), 1, 2, 1, "[1]", None)
    >>> line[line.index(b'"name"') : line.index(b'"attributes"')]
    b'"name":"ask","kind":1,"startTimeUnixNano":"1","endTimeUnixNano":"2",'
    """
    name, attributes, function = _encoded.get(words) or _encode(words)
    if inputs is not None:
        attributes += _INPUTS % _dumps(inputs)
    if outputs is not None:
        attributes += _OUTPUTS % _dumps(outputs)
    attributes += function + (rest or STATUSES[status])
    return _SPAN % (
        trace.encode(),
        span_id.encode(),
        b"" if parent_id is None else _PARENT % parent_id.encode(),
        flags,
        name,
        kind,
        start,
        b"" if end is None else _END % end,
        attributes[1:] if attributes[:1] == b"," else attributes,
    )


def plain_span(payload: bytes) -> PlainSpan:
    """Return the arguments of `span_line` that a record of the journal holds.

    Parameters
    ----------
    payload : bytes
        Of a record of the kind ``PLAIN``.

    Returns
    -------
    tuple
        Trace, span and parent id, words, start, end, status, inputs, outputs.

    Examples
    --------
    >>> plain_span(b'["0a","0b",null,["ask","",null],1,2,0,null,null]')[3]
    ('ask', '', None)
    """
    trace, span_id, parent_id, words, *others = orjson.loads(payload)
    return trace, span_id, parent_id, tuple(words), *others


def attributes_of(words: Words, inputs: str | None, outputs: str | None) -> dict[str, str]:
    """Return a plain span's attributes as its line has them.

    Parameters
    ----------
    words, inputs, outputs
        As for `span_line`.

    Returns
    -------
    dict of str to str
        By OpenTelemetry key.

    Examples
    --------
    >>> attributes_of(("ask", '"TOOL"', None), "[1]", None)
    {'mlflow.spanType': '"TOOL"', 'mlflow.spanInputs': '[1]'}
    """
    _, span_type, function = words
    attributes = {TYPE_KEY: span_type} if span_type else {}
    if inputs is not None:
        attributes[INPUTS_KEY] = inputs
    if outputs is not None:
        attributes[OUTPUTS_KEY] = outputs
    if function is not None:
        attributes[FUNCTION_KEY] = function
    return attributes
