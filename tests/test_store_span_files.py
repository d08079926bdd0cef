from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrace.exceptions import NbtraceError
from nbtrace.store import span_files
from nbtrace.store.errors import StoreWarning
from nbtrace.store.span_file_reader import find_part, read_part, read_span
from nbtrace.store.span_files import SpanGroup, is_remote, part_path, write_part

ID = "tr-" + "0a" * 16
DAY = 1_700_000_000_000  # 2023-11-14
RESOURCE = b'{"attributes":[{"key":"service.name","value":{"stringValue":"demo"}}]}'
SCOPE = b'{"name":"nbtrace","version":"1"}'


def line(number, name="ask"):
    return orjson.dumps(
        {
            "traceId": ID[3:],
            "spanId": f"{number:016x}",
            "name": name,
            "kind": 1,
            "startTimeUnixNano": str(number),
            "endTimeUnixNano": str(number + 1),
        }
    )


def test_paths():
    assert part_path("/s", ID, DAY, "") == f"/s/2023-11-14/0a/{ID}.json"
    assert part_path(Path("/s"), ID, DAY, "81-2") == f"/s/2023-11-14/0a/{ID}.81-2.json"
    assert part_path("s3://b/x", ID, 0, "") == f"s3://b/x/1970-01-01/0a/{ID}.json"
    assert part_path("/s", ID, -1, "").split("/")[2] == "1969-12-31"
    assert part_path("/s", ID, 2**62, "").split("/")[2] == "0000-00-00"
    assert ":" not in part_path("/s", ID, DAY, "81-2")


def test_is_remote():
    assert is_remote("s3://bucket/x")
    assert is_remote("memory://x")
    assert not is_remote("/Volumes/x")
    assert not is_remote(Path("C:/x"))


groups_of_lines = st.lists(st.lists(st.text(max_size=4), max_size=3), max_size=3)


@given(groups_of_lines)
def test_offsets_find_each_line_and_the_whole_is_json(tmp_path_factory, names):
    directory = tmp_path_factory.mktemp("spans")
    groups = [
        (RESOURCE, SCOPE, [line(100 * index + number, name) for number, name in enumerate(group)])
        for index, group in enumerate(names)
    ]
    places = write_part(directory, ID, DAY, "", groups)
    path = part_path(directory, ID, DAY, "")
    data = Path(path).read_bytes()
    for (_, _, lines), group in zip(groups, places, strict=True):
        assert [data[offset : offset + length] for offset, length in group] == list(lines)
    assert len(json.loads(data)["resourceSpans"]) == len(groups)
    spans = read_part(path)
    assert [span.name for span in spans] == [name for group in names for name in group]
    flat = [place for group in places for place in group]
    assert [read_span(path, *place).span_id for place in flat] == [span.span_id for span in spans]


def test_one_span_on_each_physical_line(tmp_path):
    write_part(tmp_path, ID, DAY, "", [(RESOURCE, SCOPE, [line(1), line(2)])])
    lines = Path(part_path(tmp_path, ID, DAY, "")).read_bytes().split(b"\n")
    assert [json.loads(text.rstrip(b","))["spanId"] for text in lines[1:3]] == [
        "0000000000000001",
        "0000000000000002",
    ]


def test_resource_scope_and_schema_url_come_back(tmp_path):
    group = SpanGroup(RESOURCE, SCOPE, [line(1)], "https://opentelemetry.io/schemas/1.30.0")
    places = write_part(tmp_path, ID, DAY, "", [group, (b"{}", b"{}", [line(2)])])
    first, second = read_part(part_path(tmp_path, ID, DAY, ""))
    assert first.resource == {"service.name": "demo"}
    assert (first.scope.name, first.scope.schema_url) == (
        "nbtrace",
        "https://opentelemetry.io/schemas/1.30.0",
    )
    assert not second.resource
    assert read_span(part_path(tmp_path, ID, DAY, ""), *places[1][0]).span_id == second.span_id


def test_parses_as_protobuf(tmp_path):
    from google.protobuf import json_format
    from opentelemetry.proto.trace.v1 import trace_pb2

    write_part(tmp_path, ID, DAY, "", [SpanGroup(RESOURCE, SCOPE, [line(1), line(2)], "u")])
    text = Path(part_path(tmp_path, ID, DAY, "")).read_text("utf-8")

    def to_base64(match):
        import base64

        return f'"{match[1]}":"{base64.b64encode(bytes.fromhex(match[2])).decode()}"'

    text = re.sub(r'"(traceId|spanId)":"([0-9a-f]+)"', to_base64, text)
    message = json_format.Parse(text, trace_pb2.TracesData(), ignore_unknown_fields=False)
    assert len(message.resource_spans[0].scope_spans[0].spans) == 2


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_private(tmp_path):
    write_part(tmp_path / "x" / "traces", ID, DAY, "", [(RESOURCE, SCOPE, [line(1)])])
    path = Path(part_path(tmp_path / "x" / "traces", ID, DAY, ""))
    assert path.stat().st_mode & 0o777 == 0o600
    made = [tmp_path / "x", *path.parents][:4]
    assert {directory.stat().st_mode & 0o777 for directory in made} == {0o700}


def test_many_parts_of_a_day(tmp_path):
    ids = [f"tr-{number:032x}" for number in (1, 2, 257)]
    for trace_id in ids:
        write_part(tmp_path, trace_id, DAY, "", [(RESOURCE, SCOPE, [line(1)])])
    found = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert [str(path) for path in found] == sorted(
        part_path(tmp_path, trace_id, DAY, "") for trace_id in ids
    )
    if os.name != "nt":
        assert {path.parent.stat().st_mode & 0o777 for path in found} == {0o700}


def test_nothing_is_left_of_a_write_that_failed(tmp_path):
    path = Path(part_path(tmp_path, ID, DAY, ""))
    path.mkdir(parents=True)  # so that the rename fails
    (path / "x").write_text("")
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on the platform
        write_part(tmp_path, ID, DAY, "", [(RESOURCE, SCOPE, [line(1)])])
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [path / "x"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_FSIZE")
def test_disk_that_refuses_half_way(tmp_path):
    code = """
import resource, signal, sys
from nbtrace.store.span_files import write_part
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_part(sys.argv[1], "tr-" + "0a" * 16, 0, "", [(b"{}", b"{}", [b"1" * 5000])])
except OSError as error:
    print(type(error).__name__)
"""
    env = os.environ | {"PYTHONPATH": str(Path(span_files.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "OSError\n"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_missing_part(tmp_path):
    path = part_path(tmp_path, ID, DAY, "")
    for read in (lambda: read_part(path), lambda: read_span(path, 0, 5)):
        with pytest.raises(NbtraceError, match="missing") as caught:
            read()
        assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
        assert path in caught.value.message


def test_torn_part_gives_the_lines_that_are_whole(tmp_path):
    write_part(
        tmp_path,
        ID,
        DAY,
        "",
        [(RESOURCE, SCOPE, [line(1), line(2)]), (b"{}", b'{"name":"b"}', [line(3), line(4)])],
    )
    path = Path(part_path(tmp_path, ID, DAY, ""))
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"0000000000000004")])
    with pytest.warns(StoreWarning, match="damaged: 3 of its spans") as caught:
        spans = read_part(path)
    assert str(path) in str(caught[0].message)
    assert [span.span_id[-1] for span in spans] == ["1", "2", "3"]
    assert [span.scope.name for span in spans] == ["nbtrace", "nbtrace", "b"]
    assert spans[0].resource == {"service.name": "demo"}


@settings(deadline=None)
@given(st.data())
def test_no_damage_breaks_the_reader(tmp_path_factory, data):
    directory = tmp_path_factory.mktemp("spans")
    write_part(directory, ID, DAY, "", [(RESOURCE, SCOPE, [line(1), line(2)])])
    path = Path(part_path(directory, ID, DAY, ""))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoreWarning)
        assert len(read_part(path)) <= 3


def test_wrong_place(tmp_path):
    write_part(tmp_path, ID, DAY, "", [(RESOURCE, SCOPE, [line(1)])])
    with pytest.raises(NbtraceError, match="no span at byte 3"):
        read_span(part_path(tmp_path, ID, DAY, ""), 3, 20)


def test_part_of_another_day_is_found(tmp_path):
    write_part(tmp_path, ID, DAY - 86_400_000, "81-1", [(RESOURCE, SCOPE, [line(1)])])
    assert find_part(tmp_path, ID, "81-1") == part_path(tmp_path, ID, DAY - 86_400_000, "81-1")
    assert find_part(tmp_path, ID, "81-2") is None
    assert find_part(tmp_path / "nowhere", ID, "") is None


@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_through_fsspec(tmp_path, scheme):
    location = f"{scheme}://{tmp_path.as_posix() if scheme == 'file' else '/bucket/spans'}"
    places = write_part(location, ID, DAY, "", [(RESOURCE, SCOPE, [line(1), line(2, "ünï")])])
    path = part_path(location, ID, DAY, "")
    assert [span.name for span in read_part(path)] == ["ask", "ünï"]
    assert read_span(path, *places[0][1]).name == "ünï"
    assert read_part(find_part(location, ID, "") or "")[0].name == "ask"
    assert find_part(location, ID, "9") is None
    with pytest.raises(NbtraceError, match="missing"):
        read_part(part_path(location, ID, DAY, "none"))


def test_unknown_scheme():
    with pytest.raises(NbtraceError, match="nowhere://"):
        write_part("nowhere://x", ID, DAY, "", [])


def test_one_span_is_read_by_a_range_request(tmp_path):
    """A real HTTP server that counts what it sends."""
    lines = [line(number, "x" * 1000) for number in range(1000)]
    places = write_part(tmp_path, ID, DAY, "", [(RESOURCE, SCOPE, lines)])
    sent = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            data = (tmp_path / self.path.lstrip("/")).read_bytes()
            first, last = map(int, re.findall(r"\d+", self.headers["Range"]))
            body = data[first : last + 1]
            sent.append(len(body))
            self.send_response(206)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        path = part_path(f"http://127.0.0.1:{server.server_port}", ID, DAY, "")
        assert read_span(path, *places[0][500]).span_id == f"{500:016x}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert sum(sent) == places[0][500][1]
