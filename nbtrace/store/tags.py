"""The rules for tags, MLflow's: what may be set, how long it may be, what is ignored."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import orjson

from nbtrace.entities.constant import IMMUTABLE_TAG_KEYS, TraceTagKey
from nbtrace.exceptions import NbtraceError
from nbtrace.store.errors import StoreWarning

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from nbtrace.store.database import Database

__all__ = ["change_tag", "change_tags", "checked_tag", "is_immutable_tag"]

# MLflow's bounds on its SQL store, kept so that a trace can move to a server.
MAX_KEY_CHARACTERS = 250
MAX_VALUE_CHARACTERS = 8_000


def checked_tag(key: object, value: object) -> tuple[str, str]:
    """Return key and value as they are stored.

    Parameters
    ----------
    key : object
        Must be a text of 1 to 250 characters.
    value : object
        Anything; what is not a text becomes its ``str``. Beyond 8,000 characters it is cut, and the
        end says so.

    Returns
    -------
    tuple of (str, str)
        Key and value.

    Raises
    ------
    NbtraceError
        If the key cannot be used.

    Examples
    --------
    >>> checked_tag("attempt", 3)
    ('attempt', '3')
    """
    if not isinstance(key, str) or not key.strip():
        raise NbtraceError.invalid(f"a tag's key must be a string that is not empty, got {key!r}")
    if len(key) > MAX_KEY_CHARACTERS:
        raise NbtraceError.invalid(
            f"a tag's key may have {MAX_KEY_CHARACTERS} characters, got {len(key)}: {key[:50]!r}..."
        )
    text = value if isinstance(value, str) else str(value)
    # What UTF-8 cannot hold cannot be stored either.
    text = text.encode("utf-8", "replace").decode("utf-8")
    if len(text) > MAX_VALUE_CHARACTERS:
        mark = f"... [cut, {len(text)} characters]"
        text = text[: MAX_VALUE_CHARACTERS - len(mark)] + mark
    return key.encode("utf-8", "replace").decode("utf-8"), text


def is_immutable_tag(key: str, *, stacklevel: int = 2) -> bool:
    """Tell whether a tag cannot be changed, and warn if so.

    Parameters
    ----------
    key : str
        The tag's key.
    stacklevel : int
        Whose line the warning names, counted as by `warnings.warn`.

    Returns
    -------
    bool
        ``True`` for the tags that MLflow's stores keep for themselves.

    Examples
    --------
    >>> is_immutable_tag("reviewed")
    False
    """
    if key not in IMMUTABLE_TAG_KEYS:
        return False
    warnings.warn(
        f"the tag {key!r} cannot be changed; the request was ignored",
        StoreWarning,
        stacklevel=stacklevel + 1,
    )
    return True


def change_tag(database: Database, trace_id: str, key: str, value: str | None) -> None:
    """Set or delete one tag of a stored trace, its index row with it.

    Parameters
    ----------
    database : Database
        Where the trace is.
    trace_id : str
        ``"tr-"`` and 32 hex digits.
    key : str
        The tag's key.
    value : str or None
        ``None`` deletes.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such trace or, to delete, no such tag.
    """
    with database.transaction() as connection:
        before = _change(connection, trace_id, key, value)
    if before is None:
        raise NbtraceError.no_trace(trace_id, database.path.parent)
    if value is None and key not in before:
        raise NbtraceError.missing(
            f"the trace {trace_id!r} has no tag {key!r}; it has "
            f"{', '.join(map(repr, before)) or 'no tags'}"
        )


def change_tags(database: Database, trace_ids: Sequence[str], key: str, value: str | None) -> int:
    """Set or delete one tag of many stored traces, all in one transaction.

    Parameters
    ----------
    database : Database
        Where the traces are.
    trace_ids : sequence of str
        ``"tr-"`` and 32 hex digits each.
    key : str
        The tag's key.
    value : str or None
        ``None`` deletes.

    Returns
    -------
    int
        How many of the traces are there; one without the tag is as it should be.
    """
    with database.transaction() as connection:
        found = [_change(connection, trace_id, key, value) for trace_id in trace_ids]
    return sum(before is not None for before in found)


def _change(
    connection: sqlite3.Connection, trace_id: str, key: str, value: str | None
) -> dict[str, str] | None:
    """Change one tag of one trace; return the tags it had, None if there is no such trace."""
    row = connection.execute(
        "SELECT id, request_time, tags FROM traces WHERE trace_id = ?", (trace_id,)
    ).fetchone()
    if row is None:
        return None
    trace, request_time, text = row
    before: dict[str, str] = orjson.loads(text)
    after = dict(before)
    if value is None:
        after.pop(key, None)
    else:
        after[key] = value
    if after == before:
        return before
    # on use: `import nbtrace` comes by here
    from nbtrace.store.upsert import index_table

    index_table(connection, "trace_tags", before, after, (request_time, trace))
    connection.execute(
        "UPDATE traces SET tags = ? WHERE id = ?", (orjson.dumps(after).decode(), trace)
    )
    if key == TraceTagKey.TRACE_NAME:
        connection.execute("UPDATE traces SET name = ? WHERE id = ?", (value, trace))
    return before
