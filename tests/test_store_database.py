from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nbtrace.store import database as database_module
from nbtrace.store import opening
from nbtrace.store.database import Database
from nbtrace.store.errors import StoreBusy, StoreUnavailable, unavailable
from nbtrace.store.rows import TraceRow

ROOT = Path(database_module.__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX modes and forks")


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / ".nbtrace" / "nbtrace.db")
    yield opened
    opened.close()


def row(number):
    return TraceRow(f"tr-{number:032x}", "0", number, 1, "OK", tags={"n": str(number)})


def count(database):
    with database.reading() as connection:
        return connection.execute("SELECT count(*) FROM traces").fetchone()[0]


def run(code, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


@posix
def test_files_are_private(database):
    database.upsert_traces([row(1)])
    directory = database.path.parent
    assert directory.stat().st_mode & 0o777 == 0o700
    files = {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}
    assert files == dict.fromkeys(
        ("nbtrace.db", "nbtrace.db-wal", "nbtrace.db-shm", ".gitignore"), 0o600
    )


def test_wal_on_a_local_disk(database):
    connection = database.connection()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (1,)
    assert connection.isolation_level is None


def test_rollback_journal_on_a_network_file_system(database, monkeypatch):
    database.upsert_traces([row(1)])
    database.close()
    monkeypatch.setattr(opening, "is_network_path", lambda path: True)
    other = Database(database.path)
    connection = other.connection()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    other.upsert_traces([row(2)])
    assert count(other) == 2
    other.close()


def test_a_connection_for_each_thread_closed_at_its_end(database):
    mine = database.connection()
    assert database.connection() is mine
    theirs = []
    thread = threading.Thread(target=lambda: theirs.append(database.connection()))
    thread.start()
    thread.join()
    assert theirs[0] is not mine
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        theirs[0].execute("SELECT 1")
    mine.execute("SELECT 1")


def test_threads_write_at_once(database):
    def work(start):
        for number in range(start, start + 50):
            database.upsert_traces([row(number)])

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 400, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(database) == 400


WRITE = """
import sys
from pathlib import Path
from nbtrace.store.database import Database
from nbtrace.store.rows import TraceRow
database = Database(Path(sys.argv[1]))
start = int(sys.argv[2])
for number in range(start, start + 100):
    database.upsert_traces([TraceRow(f"tr-{number:032x}", "0", number, 1, "OK", tags={"n": "1"})])
"""


@pytest.mark.parametrize("network", [False, True])
def test_processes_write_at_once(database, network):
    switch = (
        "from nbtrace.store import opening; opening.is_network_path = lambda path: True\n"
        if network
        else ""
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", switch + WRITE, str(database.path), str(start)],
            env=ENVIRONMENT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for start in range(0, 400, 100)
    ]
    for process in running:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    with database.reading() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert count(database) == 400


def test_killed_in_a_transaction_leaves_no_lock_and_nothing_of_it(database):
    code = """
import os, sys, signal
from pathlib import Path
from nbtrace.store.database import Database
from nbtrace.store.rows import TraceRow
database = Database(Path(sys.argv[1]))
database.upsert_traces([TraceRow("tr-" + "1" * 32, "0", 1)])
with database.transaction() as connection:
    connection.execute("UPDATE traces SET name = 'half'")
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
"""
    assert run(code, database.path).returncode != 0
    database.upsert_traces([row(2)])
    with database.reading() as connection:
        names = connection.execute("SELECT name FROM traces").fetchall()
    assert names == [(None,), (None,)]


def test_exception_rolls_back(database):
    def fail():
        with database.transaction() as connection:
            connection.execute("UPDATE experiments SET name = 'x'")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.reading() as connection:
        assert connection.execute("SELECT name FROM experiments").fetchone() == ("Default",)


def test_a_trace_that_the_schema_refuses_keeps_no_other_out(database, caplog):
    refused = row(2)
    refused.request_time = None
    database.upsert_traces([row(1), refused, row(3)], process="1-1")
    with database.reading() as connection:
        found = connection.execute("SELECT trace_id FROM traces ORDER BY id").fetchall()
    assert found == [(row(1).trace_id,), (row(3).trace_id,)]
    assert refused.trace_id in caplog.text


def test_lock_held_by_others_is_a_clear_error(database, monkeypatch):
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_SECONDS", 0.05)
    database.upsert_traces([row(1)])
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match="another process"):
        database.upsert_traces([row(2)])
    other.execute("ROLLBACK")
    other.close()
    database.upsert_traces([row(2)])
    assert count(database) == 2


def test_sql_of_ours_that_is_wrong_stays_what_it_is(database):
    with pytest.raises(sqlite3.OperationalError), database.reading() as connection:
        connection.execute("SELECT nothing FROM nowhere")


def test_no_database_is_a_clear_error(tmp_path):
    path = tmp_path / "nbtrace.db"
    path.write_bytes(b"this is a text, and long enough to be one" * 100)
    with pytest.raises(StoreUnavailable, match="no database of nbtrace's") as caught:
        Database(path).connection()
    assert str(path) in caught.value.message


def test_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="NBTRACE_DIR"):
        Database(tmp_path / "file" / "nbtrace.db").upsert_traces([row(1)])


def test_full_database(database):
    database.upsert_traces([row(1)])
    database.connection().execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreUnavailable, match=r"full.*free space"):
        database.upsert_traces([row(number) for number in range(2, 4000)])
    assert not database.connection().in_transaction
    kept = count(database)
    database.connection().execute("PRAGMA max_page_count = 1000000")
    database.upsert_traces([row(9999)])
    assert count(database) == kept + 1


def test_close_and_use_again(database):
    database.upsert_traces([row(1)])
    database.close()
    assert not Path(f"{database.path}-wal").exists()
    assert count(database) == 1


def test_sync(database):
    database.sync()  # nothing is open yet
    database.upsert_traces([row(1)])
    database.sync()
    assert count(database) == 1


@posix
def test_store_deleted_under_a_running_process(database):
    database.upsert_traces([row(1)])
    shutil.rmtree(database.path.parent)
    database.upsert_traces([row(2)])
    assert count(database) == 1
    assert (database.path.parent / ".gitignore").exists()


def test_nothing_is_left_to_the_garbage_collector(tmp_path):
    # ResourceWarning is an error in this suite, from 3.13 on also for connections.
    opened = Database(tmp_path / "nbtrace.db")
    opened.upsert_traces([row(1)])
    del opened
    gc.collect()


FORK = """
import os, sys, threading, time
from pathlib import Path
from nbtrace.store.database import Database
from nbtrace.store.rows import TraceRow
database = Database(Path(sys.argv[1]))
def row(number):
    return TraceRow(f"tr-{number:032x}", "0", number, 1, "OK", tags={"n": "1"})
stop = threading.Event()
written = 0
def write():
    global written
    while not stop.is_set():
        database.upsert_traces([row(10_000 + written)])
        written += 1
thread = threading.Thread(target=write)
thread.start()
mine = database.connection()
children = []
for child in range(8):
    pid = os.fork()
    if pid == 0:
        try:
            assert not list(database._held)
            for number in range(20):
                database.upsert_traces([row(child * 100 + number)])
            assert database.connection() is not mine
            with database.reading() as connection:
                assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        # The whole of the interpreter's end, where inherited objects would be freed.
        sys.exit(0) if child % 2 else os._exit(0)
    children.append(pid)
    database.upsert_traces([row(5000 + child)])
codes = [os.waitpid(pid, 0)[1] for pid in children]
stop.set()
thread.join()
assert codes == [0] * 8, codes
with database.reading() as connection:
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    (count,) = connection.execute("SELECT count(*) FROM traces").fetchone()
assert count == 8 * 20 + 8 + written, (count, written)
print("fine")
"""


@posix
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forks_beside_a_writing_thread(database):
    done = run(FORK, database.path)
    assert done.returncode == 0, done.stderr
    assert "fine" in done.stdout
    assert "Traceback" not in done.stderr


@posix
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_child_outlives_its_parent(database):
    code = """
import os, sys, time
from pathlib import Path
from nbtrace.store.database import Database
from nbtrace.store.rows import TraceRow
database = Database(Path(sys.argv[1]))
database.upsert_traces([TraceRow("tr-" + "1" * 32, "0", 1)])
if os.fork() == 0:
    database.upsert_traces([TraceRow("tr-" + "2" * 32, "0", 1)])
    time.sleep(1.0)
    database.upsert_traces([TraceRow("tr-" + "3" * 32, "0", 1)])
    database.close()
"""
    # The parent, the last to close in its own eyes, must not take the WAL away from the child.
    assert run(code, database.path).returncode == 0
    deadline = time.monotonic() + 30
    while count(database) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert count(database) == 3


def in_a_namespace(script, *arguments):
    """Run a shell script where it may mount, or skip."""
    unshare = shutil.which("unshare")
    if (
        unshare is None
        or subprocess.run([unshare, "-rm", "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no user namespaces here")
    done = subprocess.run(
        [unshare, "-rm", "sh", "-ec", script, "sh", *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


READ_ONLY = """
import sys
from pathlib import Path
from nbtrace.store.database import Database
from nbtrace.store.errors import StoreUnavailable
from nbtrace.store.rows import TraceRow
database = Database(Path(sys.argv[1]))
with database.reading() as connection:
    print(connection.execute("SELECT count(*) FROM traces").fetchone()[0], database.read_only)
try:
    database.upsert_traces([TraceRow("tr-" + "f" * 32, "0", 1)])
except StoreUnavailable as error:
    print(error.message)
"""


@pytest.mark.parametrize("closed", [True, False])
def test_read_only_disk_can_be_read(database, tmp_path, closed):
    database.upsert_traces([row(1)])
    if closed:
        database.close()
    out = in_a_namespace(
        'mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"; "$2" -c "$3" "$4"',
        database.path.parent,
        sys.executable,
        READ_ONLY,
        database.path,
    )
    first, second = out.strip().splitlines()
    assert first == "1 True"
    assert "read-only" in second
    assert "NBTRACE_DIR" in second


def test_read_only_disk_without_a_store(tmp_path):
    out = in_a_namespace(
        'mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"; "$2" -c "$3" "$4" 2>&1 || true',
        tmp_path,
        sys.executable,
        READ_ONLY,
        tmp_path / ".nbtrace" / "nbtrace.db",
    )
    assert out.startswith("0 False")
    assert "cannot be made" in out
    assert "set NBTRACE_DIR to a directory that may be written" in out


FULL = """
import sys
from pathlib import Path
from nbtrace.store.database import Database
from nbtrace.store.errors import StoreUnavailable
from nbtrace.store.rows import TraceRow
from nbtrace.store.span_files import write_part
directory = Path(sys.argv[1])
database = Database(directory / ".nbtrace" / "nbtrace.db")
try:
    for number in range(10_000):
        database.upsert_traces([TraceRow(f"tr-{number:032x}", "0", 1, tags={"k": "v" * 1000})])
except StoreUnavailable as error:
    print(error.message)
with database.reading() as connection:
    print(connection.execute("SELECT count(*) FROM traces").fetchone()[0] == number)
try:
    write_part(directory, "tr-" + "1" * 32, 0, "", [(b"{}", b"{}", [b"1" * 10**6] * 3)])
except OSError as error:
    print(error.strerror)
print([path.name for path in directory.rglob("*tr-*")])
"""


def test_full_disk(tmp_path):
    out = in_a_namespace(
        'mount -t tmpfs -o size=2m tmpfs "$1"; "$2" -c "$3" "$1"', tmp_path, sys.executable, FULL
    )
    lines = out.strip().splitlines()
    assert "full" in lines[0]
    assert "NBTRACE_DIR" in lines[0]
    assert lines[1:] == ["True", "No space left on device", "[]"]


def test_messages_name_the_file(tmp_path):
    found = unavailable(OSError(28, "No space left on device"), tmp_path)
    assert str(tmp_path) in found.message
    assert unavailable(sqlite3.ProgrammingError("closed"), tmp_path) is None


def test_a_connection_that_another_thread_may_be_using_is_not_closed_under_it(database):
    database.upsert_traces([row(number) for number in range(50)])
    go, done, failed = threading.Event(), threading.Event(), []

    def read():
        connection = database.connection()
        go.set()
        try:
            while not done.is_set():
                connection.execute("SELECT count(*) FROM traces, traces t").fetchall()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    go.wait()
    for _ in range(20):
        database.close()
        time.sleep(0.001)
    done.set()
    thread.join()
    assert failed == []


def test_reading_makes_no_file_and_sees_the_one_that_is_made_later(tmp_path):
    database = Database(tmp_path / ".nbtrace" / "nbtrace.db")
    with database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM traces").fetchone() == (0,)
    assert not database.read_only
    assert list(tmp_path.iterdir()) == []
    Database(database.path).upsert_traces([row(1)])
    with database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM traces").fetchone() == (1,)
    database.close()
