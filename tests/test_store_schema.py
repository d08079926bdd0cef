from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from nbtrace.store import schema
from nbtrace.store.database import Database
from nbtrace.store.errors import StoreTooNew, StoreUnavailable
from nbtrace.store.schema import SCHEMA_VERSION, ensure_schema, migrations

ROOT = Path(schema.__file__).parents[2]
EVERYTHING = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"


@pytest.fixture
def fresh():
    opened = []

    def connect(path=":memory:"):
        opened.append(sqlite3.connect(path, isolation_level=None))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def test_both_ways_give_the_same_schema(fresh):
    from sqlite_utils import Database as Utils

    fast, slow = fresh(), fresh()
    ensure_schema(fast, Path("fast.db"))
    migrations().apply(Utils(slow))
    assert fast.execute(EVERYTHING).fetchall() == slow.execute(EVERYTHING).fetchall()
    applied = "SELECT id, migration_set, name FROM _sqlite_migrations"
    assert fast.execute(applied).fetchall() == slow.execute(applied).fetchall()
    # sqlite-utils agrees that nothing is left to do.
    assert migrations().pending(Utils(fast)) == []


def test_the_default_experiment_is_there(fresh):
    connection = fresh()
    ensure_schema(connection, Path("x.db"))
    row = connection.execute("SELECT experiment_id, name, lifecycle_stage FROM experiments")
    assert row.fetchall() == [("0", "Default", "active")]


def test_every_table_of_traces_has_a_twin_in_the_trash(fresh):
    connection = fresh()
    ensure_schema(connection, Path("x.db"))
    for table in ("traces", "spans", "trace_tags", "trace_metadata", "span_values", "links"):
        live = [row[1:3] for row in connection.execute(f"PRAGMA table_info({table})")]
        dead = [row[1:3] for row in connection.execute(f"PRAGMA table_info(trash_{table})")]
        assert dead == [*live, ("deleted_at", "INTEGER")]


def test_orders_need_no_sorting(fresh):
    connection = fresh()
    ensure_schema(connection, Path("x.db"))
    for query in (
        "SELECT id FROM traces ORDER BY request_time DESC, id DESC",
        "SELECT id FROM traces WHERE state = 'OK' ORDER BY request_time DESC, id DESC",
        "SELECT id FROM traces WHERE experiment_id = '0' ORDER BY request_time DESC, id DESC",
        (
            "SELECT trace FROM trace_tags WHERE key = 'k' AND value = 'v'"
            " ORDER BY request_time DESC, trace DESC"
        ),
        (
            "SELECT trace FROM span_values WHERE field = 'name' AND value = 'v'"
            " ORDER BY request_time DESC, trace DESC"
        ),
    ):
        plan = connection.execute(f"EXPLAIN QUERY PLAN {query} LIMIT 100").fetchall()
        assert not any("TEMP B-TREE" in row[3] for row in plan), (query, plan)


def test_an_older_store_is_migrated_by_sqlite_utils(tmp_path, monkeypatch):
    path = tmp_path / "nbtrace.db"
    Database(path).connection()

    def add_colour(database):
        database.execute("ALTER TABLE experiments ADD COLUMN colour TEXT")

    monkeypatch.setattr(schema, "_STEPS", (*schema._STEPS, ("add_colour", add_colour)))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    database = Database(path)
    assert database.connection().execute("SELECT colour FROM experiments").fetchall() == [(None,)]
    names = (
        database.connection().execute("SELECT name FROM _sqlite_migrations ORDER BY id").fetchall()
    )
    assert names[-1] == ("add_colour",)
    assert database.connection().execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)
    database.close()


def test_a_step_that_fails_leaves_the_store_as_it_was(tmp_path, monkeypatch, fresh):
    path = tmp_path / "nbtrace.db"
    Database(path).connection()

    def half(database):
        database.execute("ALTER TABLE experiments ADD COLUMN colour TEXT")
        database.execute("SELECT nothing FROM nowhere")

    monkeypatch.setattr(schema, "_STEPS", (*schema._STEPS, ("half", half)))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    with pytest.raises(sqlite3.OperationalError):
        Database(path).connection()
    connection = fresh(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert "colour" not in [row[1] for row in connection.execute("PRAGMA table_info(experiments)")]
    connection.close()


def test_a_newer_store_is_refused_and_left_alone(tmp_path, fresh):
    path = tmp_path / "nbtrace.db"
    Database(path).connection()
    connection = fresh(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(StoreTooNew, match="upgrade nbtrace") as caught:
        Database(path).connection()
    assert isinstance(caught.value, StoreUnavailable)
    assert str(path) in caught.value.message


def test_opening_needs_neither_sqlite_utils_nor_pandas(tmp_path):
    code = f"""
import sys
from pathlib import Path
from nbtrace.store.database import Database
for _ in range(2):
    database = Database(Path({str(tmp_path / "nbtrace.db")!r}))
    database.connection().execute("SELECT * FROM experiments").fetchall()
    database.close()
print(sorted({{"pandas", "sqlite_utils", "numpy"}} & set(sys.modules)))
"""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


OPEN_AT_ONCE = """
import sys, time
from pathlib import Path
from nbtrace.store.database import Database
from nbtrace.store.rows import TraceRow
path, start, number = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
while time.time() < start:
    pass
database = Database(path)
database.upsert_traces([TraceRow(f"tr-{number:032x}", "0", 1)])
database.close()
"""


def test_processes_that_open_a_fresh_store_at_the_same_moment(tmp_path, fresh):
    import time

    for attempt in range(3):
        path = tmp_path / str(attempt) / ".nbtrace" / "nbtrace.db"
        start = time.time() + 1.0
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        running = [
            subprocess.Popen(
                [sys.executable, "-c", OPEN_AT_ONCE, str(path), str(start), str(number)],
                env=env,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(6)
        ]
        for process in running:
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
        connection = fresh(path)
        assert connection.execute("SELECT count(*) FROM traces").fetchone() == (6,)
        assert connection.execute("SELECT count(*) FROM _sqlite_migrations").fetchone() == (
            SCHEMA_VERSION,
        )
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
