"""The searchable text of spans, made behind the write, and its word index.

Writing a trace only notes which of its parts still have to be read (``text_pending``). Later, when
the process is quiet or a text search asks, `read_pending` takes the text of the spans out of the
parts into ``span_texts``, and `index_pending` puts the texts into the word index. Both work in
short transactions that any process may do, in any order and more than once.

The word index (``span_words``, FTS5 without content) says in which texts a word occurs,
``text_terms`` which words there are at all, and ``term_parts`` which of those have three given
letters in a row. So a search for a part of a word finds the whole ones, in less than a millisecond
among two million words, for 1 us per new word. The index is only asked for candidates: what it
names is looked up and compared. So a row that goes to the trash stays in the index until it is
freed for good, and what is not in the index yet (``id`` beyond ``text_progress``) is compared one
by one.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.exceptions import NbtraceError
from nbtrace.store.texts import text_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbtrace.store.rows import TextRow
    from nbtrace.store.store import Store

__all__ = [
    "catch_up",
    "forget_words",
    "index_pending",
    "insert_texts",
    "make_text_tables",
    "read_pending",
    "renew_terms",
    "replace_texts",
]

logger = logging.getLogger("nbtrace")

# Read in one transaction: some 20 ms of work, or one large part.
PARTS_AT_ONCE = 100
SPANS_AT_ONCE = 1_000
# Texts that are indexed in one transaction, some 20 ms: other processes wait for no longer.
TEXTS_AT_ONCE = 500
# A search that has more parts to read than this shows how far it is.
PARTS_WITHOUT_PROGRESS = 500

WORDS = (
    "fts5(text, content='', detail=none, columnsize=0, tokenize='unicode61 remove_diacritics 0')"
)
PARTS = "fts5(term, content='', detail=none, columnsize=0, tokenize='trigram')"
_TEXT = (
    "name || char(10) || coalesce(inputs, '') || char(10) || coalesce(outputs, '') || char(10)"
    " || coalesce(other, '')"
)
_COLUMNS = (
    "trace INTEGER NOT NULL, span_id TEXT NOT NULL, name TEXT NOT NULL, inputs TEXT, outputs TEXT,"
    " other TEXT"
)
_INSERT = (
    "INSERT INTO span_texts (trace, span_id, name, inputs, outputs, other)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)


def make_text_tables(database: Any) -> None:
    """Make the tables of this module; a step of the schema.

    Parameters
    ----------
    database : sqlite3.Connection or sqlite_utils.Database
        In a transaction.
    """
    execute = database.execute
    # Ids are never used twice: the word index may hold an old one for a while.
    execute(f"CREATE TABLE span_texts (id INTEGER PRIMARY KEY AUTOINCREMENT, {_COLUMNS})")
    execute("CREATE UNIQUE INDEX span_texts_by_span ON span_texts (trace, span_id)")
    execute(
        f"CREATE TABLE trash_span_texts (id INTEGER PRIMARY KEY, {_COLUMNS},"
        " deleted_at INTEGER NOT NULL)"
    )
    execute("CREATE INDEX trash_span_texts_by_trace ON trash_span_texts (trace)")
    execute(
        "CREATE TABLE text_pending (trace INTEGER NOT NULL, place INTEGER NOT NULL,"
        " PRIMARY KEY (trace, place)) WITHOUT ROWID"
    )
    execute("CREATE TABLE text_progress (last_id INTEGER NOT NULL)")
    execute("INSERT INTO text_progress VALUES (0)")
    execute("CREATE TABLE text_terms (id INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE)")
    # What was written before has its text in its files.
    execute("INSERT INTO text_pending SELECT t.id, p.key FROM traces t, json_each(t.parts) p")
    for name, kind in (("span_words", WORDS), ("term_parts", PARTS)):
        try:
            execute(f"CREATE VIRTUAL TABLE {name} USING {kind}")
        except sqlite3.OperationalError as error:
            # A SQLite without FTS5 or its trigrams: text is compared one by one, or all words are
            # looked through, which finds the same.
            if "no such module" not in str(error) and "tokenizer" not in str(error):
                raise


def insert_texts(connection: sqlite3.Connection, trace: int, texts: Iterable[TextRow]) -> None:
    """Add the texts of spans that have none yet.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    trace : int
        Key of the trace.
    texts : iterable of TextRow
        Of different spans.
    """
    connection.executemany(_INSERT, [(trace, *text) for text in texts])


def replace_texts(connection: sqlite3.Connection, trace: int, texts: Sequence[TextRow]) -> None:
    """Set the texts of spans, of which some may have one already.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    trace : int
        Key of the trace.
    texts : sequence of TextRow
        Of one span the last counts.
    """
    by_span = {text.span_id: text for text in texts}
    where = "trace = ? AND span_id IN (SELECT value FROM json_each(?))"
    bound = (trace, orjson.dumps(list(by_span)).decode())
    if connection.execute("SELECT 1 FROM span_texts WHERE trace = ? LIMIT 1", (trace,)).fetchone():
        forget_words(connection, "span_texts", where, bound)
        connection.execute(f"DELETE FROM span_texts WHERE {where}", bound)  # noqa: S608 - ours
    insert_texts(connection, trace, by_span.values())


def forget_words(
    connection: sqlite3.Connection, table: str, where: str, parameters: Sequence[Any]
) -> None:
    """Take texts out of the word index, before their rows go.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    table : str
        ``"span_texts"`` or ``"trash_span_texts"``.
    where : str
        Which rows.
    parameters : sequence
        What is bound in it.
    """
    if not _has(connection, "span_words"):
        return
    connection.execute(
        "INSERT INTO span_words (span_words, rowid, text)"  # noqa: S608 - names of ours
        f" SELECT 'delete', id, {_TEXT} FROM {table}"
        f" WHERE {where} AND id <= (SELECT last_id FROM text_progress)",
        parameters,
    )


def _has(connection: sqlite3.Connection, table: str) -> bool:
    sql = "SELECT 1 FROM sqlite_master WHERE name = ?"
    return connection.execute(sql, (table,)).fetchone() is not None


def read_pending(store: Store) -> int:
    """Take the text of some parts into the database.

    Parameters
    ----------
    store : Store
        Whose.

    Returns
    -------
    int
        How many were read; 0 when none is left.

    Raises
    ------
    StoreUnavailable
        If the database cannot be written.
    """
    with store.database.reading() as connection:
        pending = connection.execute(
            "SELECT p.trace, p.place, t.experiment_id, t.trace_id, t.request_time,"
            " json_extract(t.parts, '$[' || p.place || ']'), t.span_count"
            " FROM text_pending p JOIN traces t ON t.id = p.trace"
            " ORDER BY p.trace, p.place LIMIT ?",
            (PARTS_AT_ONCE,),
        ).fetchall()
    read: list[tuple[int, int, list[TextRow]]] = []
    spans = 0
    for trace, place, *part, count in pending:
        spans += count
        if read and spans > SPANS_AT_ONCE:
            break
        read.append((trace, place, _texts(store, *part)))
    if not read:
        return 0
    with store.database.transaction() as connection:
        for trace, place, texts in read:
            done = connection.execute(
                # Another process may have done it, or the trace be gone meanwhile.
                "DELETE FROM text_pending WHERE trace = ? AND place = ?"
                " AND EXISTS (SELECT 1 FROM traces WHERE id = ?)",
                (trace, place, trace),
            )
            if done.rowcount and texts:
                replace_texts(connection, trace, texts)
    return len(read)


def _texts(
    store: Store, experiment_id: str, trace_id: str, request_time: int, suffix: str | None
) -> list[TextRow]:
    if suffix is None:
        return []
    try:
        lines = store.part_lines(experiment_id, trace_id, request_time, suffix)
    except (NbtraceError, OSError):
        # Whoever opens the trace is told; there is no text to find.
        logger.debug("the text of %s could not be read", trace_id, exc_info=True)
        return []
    texts: list[TextRow] = []
    for line in lines:
        try:
            texts.append(text_row(line))
        except Exception:
            logger.debug("a span of %s has no readable text", trace_id, exc_info=True)
    return texts


def index_pending(store: Store, limit: int = TEXTS_AT_ONCE) -> int:
    """Put some texts into the word index.

    Parameters
    ----------
    store : Store
        Whose.
    limit : int
        How many texts at most.

    Returns
    -------
    int
        How many were indexed; 0 when none is left, or SQLite has no FTS5.

    Raises
    ------
    StoreUnavailable
        If the database cannot be written.
    """
    with store.database.reading() as connection:
        if not _last_of_next(connection, limit)[0] or not _has(connection, "span_words"):
            return 0
    with store.database.transaction() as connection:
        # The words of these texts alone, to learn which words there are.
        connection.execute(f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.new_words USING {WORDS}")
        connection.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.new_terms"
            " USING fts5vocab(temp, new_words, row)"
        )
        count, first, last = _last_of_next(connection, limit)
        if not count:
            return 0
        texts = " UNION ALL ".join(
            f"SELECT id, {_TEXT} FROM {table} WHERE id > ? AND id <= ?"  # noqa: S608 - tables of ours
            for table in ("span_texts", "trash_span_texts")
        )
        bounds = (first, last, first, last)
        connection.execute(f"INSERT INTO span_words (rowid, text) {texts}", bounds)
        connection.execute(f"INSERT INTO temp.new_words (rowid, text) {texts}", bounds)
        _add_terms(connection, "temp.new_terms")
        connection.execute("INSERT INTO temp.new_words (new_words) VALUES ('delete-all')")
        connection.execute("UPDATE text_progress SET last_id = ?", (last,))
    return count


def _add_terms(connection: sqlite3.Connection, table: str) -> None:
    (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM text_terms").fetchone()
    connection.execute(f"INSERT OR IGNORE INTO text_terms (term) SELECT term FROM {table}")  # noqa: S608 - a table of ours
    if _has(connection, "term_parts"):
        connection.execute(
            "INSERT INTO term_parts (rowid, term) SELECT id, term FROM text_terms WHERE id > ?",
            (last,),
        )


def _last_of_next(connection: sqlite3.Connection, limit: int) -> tuple[int, int, int]:
    """Return how many texts come next, and the ids between which they are."""
    (first,) = connection.execute("SELECT last_id FROM text_progress").fetchone()
    count, last = connection.execute(
        "SELECT count(*), max(id) FROM (SELECT id FROM (SELECT id FROM span_texts WHERE id > ?"
        " UNION ALL SELECT id FROM trash_span_texts WHERE id > ?) ORDER BY id LIMIT ?)",
        (first, first, limit),
    ).fetchone()
    return count, first, last or first


def renew_terms(store: Store) -> None:
    """Let the index forget the words that no text has any more.

    Parameters
    ----------
    store : Store
        Whose. Takes time in proportion to the index, so only a person's order does it.

    Raises
    ------
    StoreUnavailable
        If the database cannot be written.
    """
    with store.database.transaction() as connection:
        if not _has(connection, "span_words"):
            return
        connection.execute("INSERT INTO span_words (span_words) VALUES ('optimize')")
        connection.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.all_terms"
            " USING fts5vocab(main, span_words, row)"
        )
        connection.execute("DELETE FROM text_terms")
        if _has(connection, "term_parts"):
            connection.execute("INSERT INTO term_parts (term_parts) VALUES ('delete-all')")
        _add_terms(connection, "temp.all_terms")


def catch_up(store: Store) -> None:
    """Read and index all text that is written, for a search that is about to ask.

    Parameters
    ----------
    store : Store
        Whose. One that cannot be written stays as it is: what is not indexed is compared one by
        one, and what is not read is not found.
    """
    if store.read_only:
        return
    with store.database.reading() as connection:
        (waiting,) = connection.execute(
            # In this order: few parts are waiting, and there may be a million traces.
            "SELECT count(*) FROM text_pending p CROSS JOIN traces t ON t.id = p.trace"
        ).fetchone()
    if waiting > PARTS_WITHOUT_PROGRESS:
        from tqdm import tqdm

        with tqdm(total=waiting, desc="reading the text of spans", leave=False) as shown:
            while count := read_pending(store):
                shown.update(count)
    else:
        while read_pending(store):
            pass
    while index_pending(store):
        pass
