"""Attachments on disk: written once, private, bounded, freed with their trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from media_samples import base64_of, data_url, png, wav

import nbtrace
from nbtrace.entities import Trace
from nbtrace.entities.attachment import Attachment, Reference
from nbtrace.exceptions import NbtraceError
from nbtrace.store import current_store
from nbtrace.store.attachments import (
    TraceAttachments,
    attachment_files,
    get_attachment,
    lost_directories,
    read_attachment,
    trace_directory,
)
from nbtrace.store.retention import Freed, collect_garbage

TRACE = "tr-" + "0a" * 16
PICTURE = Attachment(content_type="image/png", content_bytes=png())
DAY_SECONDS = 86_400


def keep(directory, attachment=PICTURE, most_bytes=1_000_000):
    TraceAttachments(directory, TRACE).keep(attachment, most_bytes)


def test_it_is_written_once_and_readable_by_its_owner_only(tmp_path):
    attachments = TraceAttachments(tmp_path, TRACE)
    attachments.keep(PICTURE, 1_000_000)
    [path] = trace_directory(tmp_path, TRACE).iterdir()
    written = path.stat()
    attachments.keep(PICTURE, 1_000_000)
    keep(tmp_path)
    assert path.stat().st_mtime_ns == written.st_mtime_ns
    assert path.name == PICTURE.id
    assert path.read_bytes() == png()
    assert attachment_files(tmp_path, TRACE) == (1, len(png()))
    if os.name != "nt":
        assert written.st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_trace_has_so_much_and_no_more(tmp_path):
    keep(tmp_path)
    with pytest.raises(NbtraceError, match="would exceed 60,000 bytes"):
        keep(tmp_path, Attachment(content_type="audio/wav", content_bytes=wav()), 60_000)
    assert attachment_files(tmp_path, TRACE) == (1, len(png()))


@pytest.mark.parametrize(
    ("trace_id", "attachment_id"),
    [
        (TRACE, "../../nbtrace.db"),
        (TRACE, "0b" * 31 + "/."),
        (TRACE, "0B" * 32),
        ("../..", "0b" * 32),
        ("tr-" + "0a" * 15 + "/.", "0b" * 32),
        ("", ""),
    ],
)
def test_no_path_is_made_of_what_stands_in_a_span(tmp_path, trace_id, attachment_id):
    keep(tmp_path)
    (tmp_path / "nbtrace.db").write_bytes(b"secret")
    assert read_attachment(tmp_path, trace_id, attachment_id) is None
    text = f"mlflow-attachment://{attachment_id}?content_type=a&trace_id={trace_id}"
    with pytest.raises(NbtraceError):
        get_attachment(tmp_path, text)


def test_a_trace_id_is_checked_before_a_file_is_written(tmp_path):
    with pytest.raises(NbtraceError, match="no trace id"):
        TraceAttachments(tmp_path, "../elsewhere").keep(PICTURE, 1_000_000)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_says_what_to_do(tmp_path):
    with pytest.raises(NbtraceError, match="import the trace from an export") as caught:
        get_attachment(tmp_path, PICTURE.ref(TRACE))
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(NbtraceError, match="begins with mlflow-attachment://"):
        get_attachment(tmp_path, "https://example.org")
    keep(tmp_path)
    assert get_attachment(tmp_path, PICTURE.ref(TRACE)) == PICTURE


def record():
    with nbtrace.start_span("look") as span:
        span.set_inputs({"image": data_url(png())})
    nbtrace.flush()
    return span.trace_id


def test_attachments_go_with_their_trace_and_come_back_with_it():
    trace_id = record()
    store = current_store()
    nbtrace.delete_traces("0", trace_ids=[trace_id])
    assert nbtrace.restore_traces([trace_id]) == 1
    [found] = nbtrace.get_trace(trace_id).data.spans[0].attachments
    assert found.content_bytes == png()
    nbtrace.delete_traces("0", trace_ids=[trace_id])
    planned = collect_garbage(store, dry_run=True)
    assert (planned.traces, planned.files) == (1, 2)
    assert planned.file_bytes > len(png())
    assert attachment_files(store.directory, trace_id)[0] == 1
    assert collect_garbage(store) == planned
    assert not trace_directory(store.directory, trace_id).exists()


def test_what_no_trace_refers_to_is_freed_after_a_day():
    trace_id = record()
    store = current_store()
    TraceAttachments(store.directory, TRACE).keep(PICTURE, 1_000_000)
    half = trace_directory(store.directory, TRACE).parent / ".0b.1-1"
    half.write_bytes(b"12345")
    assert list(lost_directories(store.directory)) == []
    assert collect_garbage(store, dry_run=True) == Freed()
    for path in (trace_directory(store.directory, TRACE), half):
        old = path.stat().st_mtime - 2 * DAY_SECONDS
        os.utime(path, (old, old))
    assert collect_garbage(store).files == 2
    assert not half.exists()
    assert attachment_files(store.directory, TRACE) == (0, 0)
    assert attachment_files(store.directory, trace_id)[0] == 1


KILLED = """
import os, signal, sys
import nbtrace
with nbtrace.start_span("root"):
    with nbtrace.start_span("look") as span:
        span.set_inputs({"image": sys.stdin.read()})
        print(span.trace_id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_what_a_finished_span_refers_to_survives_a_kill():
    current_store().get_experiment("0")
    env = os.environ | {
        "NBTRACE_DIR": str(current_store().directory),
        "PYTHONPATH": str(Path(nbtrace.__file__).parents[1]),
    }
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        input=data_url(png()),
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    trace_id = done.stdout.strip()
    nbtrace.flush()
    trace = nbtrace.get_trace(trace_id)
    assert isinstance(trace, Trace)
    [span] = trace.search_spans(name="look")
    assert [found.content_bytes for found in span.attachments] == [png()]


FULL = """
import resource, signal, sys
import nbtrace
with nbtrace.start_span("first"):
    pass
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
with nbtrace.start_span("look") as span:
    span.set_inputs({"image": sys.stdin.read(), "k": 1})
print(span.inputs)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_FSIZE")
def test_a_disk_that_refuses_leaves_a_remark_and_the_rest():
    directory = current_store().directory
    env = os.environ | {
        "NBTRACE_DIR": str(directory),
        "PYTHONPATH": str(Path(nbtrace.__file__).parents[1]),
    }
    done = subprocess.run(
        [sys.executable, "-c", FULL],
        input=data_url(png()),
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    size = f"{len(png()):,}"
    remark = f"[nbtrace: image/png of {size} bytes not kept: File too large]"
    assert done.stdout.strip() == str({"image": remark, "k": 1})
    assert [path for path in (directory / "attachments").rglob("*") if path.is_file()] == []


def test_a_reference_written_by_mlflow_is_left_as_it_is():
    foreign = "mlflow-attachment://0b1c-2d?content_type=image%2Fpng&trace_id=tr-1&size=3"
    assert Reference.read(foreign) is not None
    with nbtrace.start_span("look") as span:
        span.set_inputs({"image": foreign, "small": base64_of(b"abc")})
    found = nbtrace.get_trace(span.trace_id).data.spans[0]
    assert found.inputs == {"image": foreign, "small": "YWJj"}
    assert found.attachments == []
