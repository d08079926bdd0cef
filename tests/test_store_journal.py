"""The journal keeps what it is given, through kill -9, a torn tail, a fork and a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrace.store import journal as journal_module
from nbtrace.store.journal import NOT_KEPT, SPARE_SEGMENTS, Journal
from nbtrace.store.segments import OPEN, PLAIN, SPAN, TRACE, read_segment, segments_in_order


def records(directory):
    return [r for path in sorted(directory.glob("*.journal")) for r in read_segment(path)]


@pytest.mark.parametrize("mapped", [True, False])
def test_what_is_appended_is_read_back_by_position_and_from_the_file(tmp_path, mapped):
    journal = Journal(tmp_path, mapped=mapped)
    position = journal.append(SPAN, 7, b'{"name":"a"}')
    journal.append(OPEN, 0, b"{}")
    assert journal.read(position) == (SPAN, 7, b'{"name":"a"}')
    assert records(tmp_path) == [(SPAN, 7, b'{"name":"a"}'), (OPEN, 0, b"{}")]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=400), max_size=60))
def test_records_of_any_size_survive_rolling_over_small_segments(tmp_path_factory, payloads):
    directory = tmp_path_factory.mktemp("journal")
    journal = Journal(directory, segment_bytes=512)
    positions = [journal.append(SPAN, 0, payload) for payload in payloads]
    assert [journal.read(position).payload for position in positions] == payloads
    assert [record.payload for record in records(directory)] == payloads


def test_a_record_larger_than_a_segment_gets_one_of_its_own(tmp_path):
    journal = Journal(tmp_path, segment_bytes=1024)
    big = b"x" * 100_000
    assert journal.read(journal.append(SPAN, 0, big)).payload == big


def test_a_torn_tail_is_the_end(tmp_path):
    journal = Journal(tmp_path)
    journal.append(SPAN, 0, b"first")
    journal.append(SPAN, 0, b"second")
    (path,) = tmp_path.glob("*.journal")
    data = bytearray(path.read_bytes())
    data[data.index(b"second") + 2] ^= 0xFF
    path.write_bytes(data)
    assert [record.payload for record in read_segment(path)] == [b"first"]


def test_a_file_that_is_no_journal_has_no_records(tmp_path):
    path = tmp_path / "00000001.journal"
    path.write_bytes(b"something else entirely, longer than a header")
    assert list(read_segment(path)) == []


def test_released_segments_are_used_again_and_what_they_held_is_gone(tmp_path):
    journal = Journal(tmp_path, segment_bytes=256)
    positions = [journal.append(SPAN, 0, b"y" * 100) for _ in range(40)]
    assert len(list(tmp_path.iterdir())) > SPARE_SEGMENTS
    journal.release(positions)
    assert journal.pending == 0
    assert len(list(tmp_path.iterdir())) == SPARE_SEGMENTS + 1
    assert records(tmp_path) == []
    position = journal.append(SPAN, 0, b"new")
    assert [record.payload for record in records(tmp_path)] == [b"new"]
    assert journal.read(position).payload == b"new"
    with pytest.raises(KeyError):
        journal.read(positions[-1])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 300), st.booleans()), max_size=80))
def test_whatever_is_released_the_rest_is_read_back(tmp_path_factory, steps):
    directory = tmp_path_factory.mktemp("journal")
    journal = Journal(directory, segment_bytes=512)
    kept = {}
    for number, (size, release) in enumerate(steps):
        payload = b"%d:" % number + b"x" * size
        kept[journal.append(SPAN, 0, payload)] = payload
        if release:
            gone = list(kept)[: len(kept) // 2 + 1]
            journal.release(gone)
            for position in gone:
                del kept[position]
    assert [journal.read(position).payload for position in kept] == list(kept.values())
    on_disk = [record.payload for record in records(directory)]
    assert set(kept.values()) <= set(on_disk)
    assert journal.pending == len(kept)


def test_files_are_readable_by_their_owner_only(tmp_path):
    Journal(tmp_path).append(SPAN, 0, b"secret")
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_without_a_directory_that_can_be_written_records_stay_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(journal_module, "MEMORY_SEGMENTS", 2)
    journal = Journal(tmp_path / "missing", segment_bytes=1024)
    kept = [journal.append(SPAN, 0, b"z" * 400) for _ in range(8)]
    assert journal.problem is not None
    assert journal.read(kept[0]).payload == b"z" * 400
    assert kept[-1] == NOT_KEPT
    assert journal.lost == sum(position == NOT_KEPT for position in kept) > 0


def test_a_disk_that_fills_up_leaves_a_running_process(tmp_path):
    code = textwrap.dedent("""
        import resource, signal, sys
        from pathlib import Path
        from nbtrace.store.journal import Journal
        from nbtrace.store.segments import SPAN
        # a file may not grow beyond half a megabyte: what posix_fallocate sees on a full disk
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, 1 << 19))
        journal = Journal(Path(sys.argv[1]))
        position = journal.append(SPAN, 0, b"kept")
        print(journal.read(position).payload.decode(), type(journal.problem).__name__)
    """)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["kept", "OSError"]
    assert list(tmp_path.iterdir()) == []


def test_kill_9_leaves_every_record(tmp_path):
    code = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from nbtrace.store.journal import Journal
        from nbtrace.store.segments import SPAN
        journal = Journal(Path(sys.argv[1]), segment_bytes=4096)
        for number in range(500):
            journal.append(SPAN, 0, b"%d" % number)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [int(record.payload) for record in records(tmp_path)] == list(range(500))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_the_child_of_a_fork_leaves_its_parents_journal_alone(tmp_path):
    journal = Journal(tmp_path)
    position = journal.append(SPAN, 0, b"parent")
    child = os.fork()
    if child == 0:
        journal.abandon()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert journal.read(position).payload == b"parent"
    assert [record.payload for record in records(tmp_path)] == [b"parent"]


def test_segments_are_read_in_the_order_they_were_begun(tmp_path):
    journal = Journal(tmp_path, segment_bytes=200)
    first = journal.append(SPAN, 0, b"1" * 150)
    journal.append(OPEN, 0, b"2" * 150)
    journal.append(OPEN, 0, b"3" * 150)
    journal.release([first])
    journal.append(OPEN, 0, b"4" * 150)  # in the file of the first
    payloads = [
        record.payload[:1] for path in segments_in_order(tmp_path) for record in read_segment(path)
    ]
    assert payloads == [b"2", b"3", b"4"]
    assert [path.name for path in segments_in_order(tmp_path)][-1] == "00000001.journal"


def test_a_segment_that_could_not_be_begun_does_not_stop_the_next(tmp_path, monkeypatch):
    journal = Journal(tmp_path, segment_bytes=200)

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(journal, "_begin", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.append(SPAN, 0, b"lost")
    position = journal.append(SPAN, 0, b"kept")
    assert journal.problem is None
    assert journal.read(position).payload == b"kept"


def test_a_record_that_is_torn_does_not_hide_those_behind_it(tmp_path):
    journal = Journal(tmp_path)
    payloads = [b'{"traceId":"%d"}' % number for number in range(3)]
    for payload in payloads:
        journal.append(SPAN, 0, payload)
    (path,) = tmp_path.glob("*.journal")
    data = bytearray(path.read_bytes())
    start = data.index(payloads[1])
    data[start - 12 : start + len(payloads[1])] = bytes(12 + len(payloads[1]))
    path.write_bytes(data)  # as if its thread had been about to copy it
    assert [record.payload for record in read_segment(path)] == [payloads[0], payloads[2]]


def test_threads_append_side_by_side_and_nothing_is_lost(tmp_path):
    journal = Journal(tmp_path, segment_bytes=4096)
    kept: list[list[tuple[int, bytes]]] = [[] for _ in range(4)]

    def work(number):
        for index in range(1_500):
            payload = b'{"trace":"%d-%d"}' % (number, index)
            position = journal.append(SPAN, 0, payload)
            kept[number].append((position, payload))
            if index % 3 == 0:  # what is released comes back as a segment with another number
                journal.release([kept[number].pop(0)[0]])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    pairs = [pair for pairs in kept for pair in pairs]
    assert journal.pending == len(pairs)
    assert len({position for position, _ in pairs}) == len(pairs)
    for position, payload in pairs:
        assert journal.read(position).payload == payload
    on_disk = {record.payload for record in records(tmp_path)}
    assert on_disk >= {payload for _, payload in pairs}


def test_a_record_held_for_long_moves_out_of_an_old_segment(tmp_path):
    journal = Journal(tmp_path, segment_bytes=1024)
    held = journal.append(OPEN, 0, b"held")
    others = [journal.append(SPAN, 0, b"x" * 400) for _ in range(8)]
    assert journal.renewed(others[-1]) == others[-1]  # where it is, records are still added
    held = journal.renewed(held)
    journal.release(others)
    assert journal.read(held).payload == b"held"
    assert journal.pending == 1
    assert held >> 32 == others[-1] >> 32


def test_a_plain_span_is_read_back_as_its_line(tmp_path):
    journal = Journal(tmp_path)
    fields = ["0a" * 16, "0b" * 8, None, ["ask", '"LLM"', None], 1, 2, 2, "[1]", None]
    record = journal.read(journal.append(PLAIN, 0, orjson.dumps(fields)))
    span = orjson.loads(record.line)
    assert span["name"] == "ask"
    assert span["status"] == {"code": 2}
    assert [item["key"] for item in span["attributes"]] == ["mlflow.spanType", "mlflow.spanInputs"]
    assert journal.read(journal.append(TRACE, 0, b"{}")).line is None
