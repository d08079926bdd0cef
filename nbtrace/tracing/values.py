"""Values to JSON (being written)."""

from __future__ import annotations

from typing import Any

import orjson

from nbtrace.tracing.redaction import redact_value


def encode_json(value: object) -> str:
    """Return JSON text."""
    return orjson.dumps(redact_value(value), default=repr, option=orjson.OPT_NON_STR_KEYS).decode()


def encode_attribute(value: Any, key: str = "") -> Any:
    """Return a typed value."""
    return redact_value(value)
