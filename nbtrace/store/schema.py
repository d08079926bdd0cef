"""The tables of the database, and how a store gets them.

Each change of the schema is a function that needs no more than ``execute``. On a **new** store the
functions run on a plain `sqlite3` connection, because importing sqlite_utils imports pandas where
that is installed (1.3 s measured, more than the first ``%%trace`` may take in all), and blocking
the import of pandas for a moment would break other threads that import it meanwhile. On an
**older** store the same functions are run by sqlite-utils' `Migrations`, which knows what has been
applied. Both leave the same schema and the same ``_sqlite_migrations`` table, which a test proves,
so any tool that speaks sqlite-utils finds what it expects. A store at the current schema is
recognised by one ``PRAGMA user_version`` and costs neither.

All of it happens inside one ``BEGIN IMMEDIATE`` transaction, with the version read again after the
lock is held: of two processes that open a fresh store at the same moment one makes the tables and
the other finds them made.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Protocol

from nbtrace.store.errors import StoreTooNew, StoreUnavailable
from nbtrace.store.forward_queue import make_forward_tables
from nbtrace.store.text_index import make_text_tables

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["SCHEMA_VERSION", "ensure_schema", "migrations"]

MIGRATION_SET = "nbtrace"


class Executes(Protocol):
    """A `sqlite3.Connection` or a `sqlite_utils.Database`."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run one statement."""


_TRACES = """
    id INTEGER PRIMARY KEY{autoincrement},
    trace_id TEXT NOT NULL UNIQUE,
    experiment_id TEXT NOT NULL,
    request_time INTEGER NOT NULL,
    execution_duration INTEGER,
    state TEXT NOT NULL,
    name TEXT,
    client_request_id TEXT,
    request_preview TEXT,
    response_preview TEXT,
    span_count INTEGER NOT NULL,
    error_count INTEGER NOT NULL,
    input_tokens INTEGER,
    output_tokens INTEGER,
    total_tokens INTEGER,
    cost REAL,
    tags TEXT NOT NULL,
    metadata TEXT NOT NULL,
    parts TEXT NOT NULL,
    process TEXT
"""
_SPANS = """
    trace INTEGER NOT NULL,
    span_id TEXT NOT NULL,
    parent_id TEXT,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER,
    part INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    length INTEGER NOT NULL,
    attributes TEXT,
    model TEXT,
    input_tokens INTEGER,
    output_tokens INTEGER,
    total_tokens INTEGER,
    cost REAL,
    PRIMARY KEY (trace, span_id)
"""
# Index rows carry the time and the trace, so that one condition yields traces newest first and the
# search stops at the end of the page.
_KEYED = """
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    request_time INTEGER NOT NULL,
    trace INTEGER NOT NULL,
    PRIMARY KEY (key, value, request_time, trace)
"""
_SPAN_VALUES = """
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    request_time INTEGER NOT NULL,
    trace INTEGER NOT NULL,
    PRIMARY KEY (field, value, request_time, trace)
"""
_ASSESSMENTS = """
    assessment_id TEXT PRIMARY KEY NOT NULL,
    trace INTEGER NOT NULL,
    span_id TEXT,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT,
    error TEXT,
    rationale TEXT,
    source_type TEXT NOT NULL,
    source_id TEXT,
    run_id TEXT,
    metadata TEXT,
    create_time INTEGER NOT NULL,
    last_update_time INTEGER NOT NULL,
    overrides TEXT,
    valid INTEGER NOT NULL
"""
_LINKS = """
    trace INTEGER NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (kind, target, trace)
"""
_WITHOUT_ROWID = {"trace_tags", "trace_metadata", "spans", "span_values", "links"}
_TABLES = {
    "traces": _TRACES,
    "spans": _SPANS,
    "trace_tags": _KEYED,
    "trace_metadata": _KEYED,
    "span_values": _SPAN_VALUES,
    "assessments": _ASSESSMENTS,
    "links": _LINKS,
}
_TRACE_ORDERS = (
    "experiment_id",
    "state",
    "name",
    "execution_duration",
    "total_tokens",
    "cost",
)


def _first_schema(database: Executes) -> None:
    """Make every table of the first version, the trash included."""
    execute = database.execute
    execute(
        "CREATE TABLE experiments (experiment_id TEXT PRIMARY KEY NOT NULL,"
        " name TEXT NOT NULL UNIQUE, artifact_location TEXT, lifecycle_stage TEXT NOT NULL,"
        " creation_time INTEGER, last_update_time INTEGER, tags TEXT NOT NULL)"
    )
    for name, columns in _TABLES.items():
        kind = " WITHOUT ROWID" if name in _WITHOUT_ROWID else ""
        live = columns.format(autoincrement=" AUTOINCREMENT")
        dead = columns.format(autoincrement="").replace(
            "PRIMARY KEY (", "deleted_at INTEGER NOT NULL, PRIMARY KEY ("
        )
        if "deleted_at" not in dead:
            dead += ", deleted_at INTEGER NOT NULL"
        execute(f"CREATE TABLE {name} ({live}){kind}")
        execute(f"CREATE TABLE trash_{name} ({dead}){kind}")
    execute("CREATE INDEX traces_by_time ON traces (request_time, id)")
    for column in _TRACE_ORDERS:
        execute(f"CREATE INDEX traces_by_{column} ON traces ({column}, request_time, id)")
    # Partial where most rows have none: an index entry that no one looks for is still paid for.
    for column in ("client_request_id", "process"):
        execute(f"CREATE INDEX traces_by_{column} ON traces ({column}) WHERE {column} IS NOT NULL")
    # Few spans call a model: the facet of models reads these and not every span.
    execute("CREATE INDEX spans_by_model ON spans (model, trace) WHERE model IS NOT NULL")
    execute("CREATE INDEX assessments_by_trace ON assessments (trace)")
    execute("CREATE INDEX assessments_by_name ON assessments (kind, name, trace)")
    execute("CREATE INDEX links_by_trace ON links (trace)")
    # Trash is emptied by age and undone by trace; the twins without the trace in front of their key
    # are found by it here.
    execute("CREATE INDEX trash_traces_by_age ON trash_traces (deleted_at)")
    for name in ("trace_tags", "trace_metadata", "span_values", "assessments", "links"):
        execute(f"CREATE INDEX trash_{name}_by_trace ON trash_{name} (trace)")
    now = int(dt.datetime.now(dt.UTC).timestamp() * 1000)
    execute(
        "INSERT INTO experiments VALUES ('0', 'Default', NULL, 'active', ?, ?, '{}')", (now, now)
    )


# In the order of application; names are kept in the databases and never change.
_STEPS: tuple[tuple[str, Callable[[Executes], None]], ...] = (
    ("first_schema", _first_schema),
    ("span_texts", make_text_tables),
    ("forward_queue", make_forward_tables),
)
SCHEMA_VERSION = len(_STEPS)


def migrations() -> Any:
    """Return the schema's steps as sqlite-utils' migrations.

    Returns
    -------
    sqlite_utils.Migrations
        The set named ``"nbtrace"``.

    Examples
    --------
    >>> migrations()
    <Migrations 'nbtrace': [first_schema, span_texts, forward_queue]>
    """
    from sqlite_utils import Migrations

    collected = Migrations(MIGRATION_SET)
    for name, step in _STEPS:
        collected(name=name)(step)
    return collected


def ensure_schema(connection: sqlite3.Connection, path: Path, *, read_only: bool = False) -> None:
    """Bring the database to the current schema, at the cost of one PRAGMA when it is there.

    Parameters
    ----------
    connection : sqlite3.Connection
        An open connection in autocommit mode (``isolation_level=None``).
    path : pathlib.Path
        Where the database is, for messages.
    read_only : bool
        Whether nothing may be written.

    Raises
    ------
    StoreTooNew
        If a newer nbtrace has made the database.
    StoreUnavailable
        If the schema is older and nothing may be written.

    Examples
    --------
    >>> import sqlite3, pathlib
    >>> connection = sqlite3.connect(":memory:", isolation_level=None)
    >>> ensure_schema(connection, pathlib.Path("nbtrace.db"))
    >>> connection.execute("SELECT name FROM experiments").fetchall()
    [('Default',)]
    >>> connection.close()
    """
    version = _version(connection, path)
    if version == SCHEMA_VERSION:
        return
    if read_only:
        raise StoreUnavailable(
            f"{path} is of an older schema ({version}, this nbtrace needs {SCHEMA_VERSION}) and "
            "read-only; make it writable once, so that it can be brought up to date, or copy it"
        )
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while this one waited for the lock.
        if _version(connection, path) < SCHEMA_VERSION:
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                _migrate(connection)
            else:
                _make(connection)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StoreTooNew(
            f"{path} was made by a newer nbtrace (schema {version}, this one knows up to "
            f"{SCHEMA_VERSION}); upgrade nbtrace or set NBTRACE_DIR to another directory"
        )
    return version


def _make(connection: sqlite3.Connection) -> None:
    """Do on an empty database what `migrations` would do, and record it as they would."""
    connection.execute(
        'CREATE TABLE "_sqlite_migrations" (\n   "id" INTEGER PRIMARY KEY,\n'
        '   "migration_set" TEXT,\n   "name" TEXT,\n   "applied_at" TEXT\n)'
    )
    connection.execute(
        'CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"\n'
        '    ON "_sqlite_migrations" ("migration_set", "name")'
    )
    for name, step in _STEPS:
        step(connection)
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, ?, ?)",
            (MIGRATION_SET, name, str(dt.datetime.now(dt.UTC))),
        )


def _migrate(connection: sqlite3.Connection) -> None:
    from sqlite_utils import Database

    # Plugins of other people's have no business in this database.
    migrations().apply(Database(connection, execute_plugins=False))
