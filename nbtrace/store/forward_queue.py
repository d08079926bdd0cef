"""The queue of live forwarding: which traces have still to be sent on, and where to.

A process that forwards writes its name into ``forward_senders``. From then on every transaction in
which it stores a trace also puts that trace into ``forward_queue``, and so does the recovery of its
journal after its death: what is on disk and what is queued cannot differ. A part that comes later,
from whichever process, is told by a trigger. A row stays when its trace has been sent, with the
names of the parts that were, so that nothing is sent twice and what is late is sent alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from nbtrace.store.database import Database
    from nbtrace.store.schema import Executes

__all__ = [
    "QueueCounts",
    "QueuedTrace",
    "add_sender",
    "make_forward_tables",
    "next_queued",
    "queue_counts",
    "queue_traces",
    "remove_sender",
    "requeue_refused",
    "settle",
]

# A trace that is still open is not sent yet.
_NEXT = (
    "SELECT q.trace_id, q.filter, q.sent, t.parts, q.waiting FROM forward_queue q"
    " LEFT JOIN traces t ON t.trace_id = q.trace_id"
    " WHERE q.destination = ? AND q.waiting > 0"
    " AND coalesce(t.state, '') NOT IN ('IN_PROGRESS', 'STATE_UNSPECIFIED')"
    " ORDER BY q.rowid LIMIT ?"
)
_COUNTS = (
    "SELECT coalesce(sum(q.waiting > 0), 0),"
    " coalesce(sum(q.waiting = 0 AND q.refused IS NULL), 0),"
    " coalesce(sum(q.waiting = 0 AND q.refused IS NOT NULL), 0)"
    " FROM forward_queue q LEFT JOIN traces t ON t.trace_id = q.trace_id"
    " WHERE q.destination = ? AND coalesce(t.state, '') NOT IN ('IN_PROGRESS', 'STATE_UNSPECIFIED')"
)


def make_forward_tables(database: Executes) -> None:
    """Make the tables; a step of the schema."""
    execute = database.execute
    execute(
        "CREATE TABLE forward_senders (process TEXT NOT NULL, destination TEXT NOT NULL,"
        " filter TEXT, PRIMARY KEY (process, destination)) WITHOUT ROWID"
    )
    # waiting: how often something came that has not been sent; refused: the status of the answer
    execute(
        "CREATE TABLE forward_queue (destination TEXT NOT NULL, trace_id TEXT NOT NULL,"
        " filter TEXT, sent TEXT NOT NULL DEFAULT '[]', waiting INTEGER NOT NULL DEFAULT 1,"
        " refused INTEGER, PRIMARY KEY (destination, trace_id))"
    )
    execute("CREATE INDEX forward_queue_waiting ON forward_queue (destination) WHERE waiting > 0")
    execute("CREATE INDEX forward_queue_by_trace ON forward_queue (trace_id)")
    execute(
        "CREATE TRIGGER forward_late_parts AFTER UPDATE OF parts ON traces"
        " WHEN NEW.parts != OLD.parts BEGIN"
        " UPDATE forward_queue SET waiting = waiting + 1 WHERE trace_id = NEW.trace_id; END"
    )


class QueuedTrace(NamedTuple):
    """A trace that waits to be sent.

    Attributes
    ----------
    trace_id : str
        ``tr-`` and 32 hex digits.
    filter : str or None
        What the sender chose traces by.
    sent : frozenset of str
        Names of the parts that have been sent.
    parts : list of str
        Names of all its parts; empty when the trace is gone.
    waiting : int
        How often something came that has not been sent, for `settle`.
    """

    trace_id: str
    filter: str | None
    sent: frozenset[str]
    parts: list[str]
    waiting: int


class QueueCounts(NamedTuple):
    """How many traces are where.

    Attributes
    ----------
    waiting, sent, refused : int
        Finished traces not sent yet, traces sent, traces the receiver would not take.
    """

    waiting: int
    sent: int
    refused: int


def add_sender(
    database: Database,
    process: str,
    destination: str,
    chosen: str | None,
    *,
    alive: Iterable[str] = (),
) -> None:
    """Have everything that a process stores from now on queued for a destination.

    Parameters
    ----------
    database : Database
        The store's.
    process : str
        Name of the process's journal.
    destination : str
        Key of the destination.
    chosen : str or None
        A filter in the search language.
    alive : iterable of str
        Processes that have a journal; what is known of others is forgotten.
    """
    names = orjson.dumps([*alive, process]).decode()
    with database.transaction() as connection:
        connection.execute(
            "DELETE FROM forward_senders WHERE process NOT IN (SELECT value FROM json_each(?))",
            (names,),
        )
        connection.execute(
            "INSERT OR REPLACE INTO forward_senders VALUES (?, ?, ?)",
            (process, destination, chosen),
        )
        # What was sent and is gone will not get parts any more.
        connection.execute(
            "DELETE FROM forward_queue WHERE destination = ? AND waiting = 0"
            " AND trace_id NOT IN (SELECT trace_id FROM traces)",
            (destination,),
        )


def remove_sender(database: Database, process: str, destination: str) -> None:
    """Queue nothing more of a process; what is queued stays."""
    with database.transaction() as connection:
        connection.execute(
            "DELETE FROM forward_senders WHERE process = ? AND destination = ?",
            (process, destination),
        )


def queue_traces(connection: sqlite3.Connection, process: str, trace_ids: Iterable[str]) -> None:
    """Queue traces that a process stores, within the transaction that stores them.

    Parameters
    ----------
    connection : sqlite3.Connection
        With ``BEGIN IMMEDIATE`` done.
    process : str
        Name of the process's journal.
    trace_ids : iterable of str
        The traces.
    """
    senders = connection.execute(
        "SELECT destination, filter FROM forward_senders WHERE process = ?", (process,)
    ).fetchall()
    if not senders:
        return
    trace_ids = list(trace_ids)
    for destination, chosen in senders:
        connection.executemany(
            "INSERT INTO forward_queue (destination, trace_id, filter) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET waiting = waiting + 1",
            [(destination, trace_id, chosen) for trace_id in trace_ids],
        )


def next_queued(database: Database, destination: str, limit: int) -> list[QueuedTrace]:
    """Return finished traces that wait for a destination, the oldest first.

    Parameters
    ----------
    database : Database
        The store's.
    destination : str
        Key of the destination.
    limit : int
        How many at most.
    """
    with database.reading() as connection:
        rows = connection.execute(_NEXT, (destination, limit)).fetchall()
    return [
        QueuedTrace(
            trace_id,
            chosen,
            frozenset(orjson.loads(sent)),
            orjson.loads(parts or "[]"),
            waiting,
        )
        for trace_id, chosen, sent, parts, waiting in rows
    ]


def settle(
    database: Database, destination: str, traces: Iterable[QueuedTrace], *, refused: int | None
) -> None:
    """Take traces off the queue; what has come since they were read stays on it.

    Parameters
    ----------
    database : Database
        The store's.
    destination : str
        Key of the destination.
    traces : iterable of QueuedTrace
        What was sent, or refused.
    refused : int or None
        Status of the answer that refused them.
    """
    with database.transaction() as connection:
        connection.executemany(
            "UPDATE forward_queue SET sent = ?, refused = ?, waiting = waiting > ?"
            " WHERE destination = ? AND trace_id = ?",
            [
                (
                    orjson.dumps(sorted(item.sent if refused else item.sent.union(item.parts))),
                    refused,
                    item.waiting,
                    destination,
                    item.trace_id,
                )
                for item in traces
            ],
        )


def requeue_refused(database: Database, destination: str, statuses: Iterable[int]) -> None:
    """Queue again what was refused for a reason that may have been put right.

    Parameters
    ----------
    database : Database
        The store's.
    destination : str
        Key of the destination.
    statuses : iterable of int
        Which answers are meant.
    """
    with database.transaction() as connection:
        connection.execute(
            "UPDATE forward_queue SET waiting = 1, refused = NULL"
            " WHERE destination = ? AND refused IN (SELECT value FROM json_each(?))",
            (destination, orjson.dumps(list(statuses)).decode()),
        )


def queue_counts(database: Database, destination: str) -> QueueCounts:
    """Return how many traces wait for a destination, were sent to it, were refused by it."""
    with database.reading() as connection:
        row = connection.execute(_COUNTS, (destination,)).fetchone()
    return QueueCounts(*row)
