"""``%%trace`` in a real kernel: a traced cell behaves as it would without the trace."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client import BlockingKernelClient
from notebook_session import Session, open_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def session(directory: Path) -> Iterator[Session]:
    with open_session(directory) as opened:
        yield opened


def without_colour(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


# What a normal cell does


def test_value_is_shown_and_kept(session: Session) -> None:
    cell = session.run("%%trace\n40 + 2")
    assert cell.text == "42"
    assert cell.shows_one_tree()
    assert cell.user[0].output_type == "execute_result"
    assert session.run(f"_, Out[{cell.execution_count}]").text == "(42, 42)"


def test_root_span_holds_the_cell(session: Session) -> None:
    cell = session.run("%%trace\nkey = 'value'\n40 + 2")
    trace = session.last()
    assert trace["name"] == f"In [{cell.execution_count}]"
    assert trace["state"] == "OK"
    assert trace["outputs"] == 42
    assert trace["attributes"]["nbtrace.cell.source"] == "%%trace\nkey = 'value'\n40 + 2"
    assert trace["attributes"]["nbtrace.cell.execution_count"] == cell.execution_count
    assert trace["attributes"]["nbtrace.kernel"]


def test_name_tags_and_experiment(session: Session) -> None:
    session.run("%%trace 'my run' --tag user=ada --tag 'note=two words' --experiment trials\n1")
    trace = session.last()
    assert trace["name"] == "my run"
    assert (trace["tags"]["user"], trace["tags"]["note"]) == ("ada", "two words")
    name = f"_nbtrace.get_experiment('{trace['experiment']}').name"
    assert session.run(name).text == "'trials'"


def test_secrets_in_the_source_are_not_kept(session: Session, directory: Path) -> None:
    secret = "sk-proj-" + "Zq7Lw2Xy9Kd4" * 4
    cell = session.run(f"%%trace\napi_key = '{secret}'\nlen(api_key)")
    assert "REDACTED" in session.last()["attributes"]["nbtrace.cell.source"]
    assert secret not in str(cell.outputs)
    kept = [path for path in (directory / ".nbtrace").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if secret.encode() in path.read_bytes()]


def test_semicolon_hides_the_value(session: Session) -> None:
    cell = session.run("%%trace\n40 + 2;")
    assert cell.user == []
    assert session.last()["outputs"] is None


def test_no_display(session: Session) -> None:
    cell = session.run("%%trace quiet --no-display\n1")
    assert len(cell.outputs) == 1
    assert session.last()["name"] == "quiet"


def test_await(session: Session) -> None:
    cell = session.run(
        """
        %%trace
        import asyncio, nbtrace
        async def step(i):
            with nbtrace.start_span(f"step {i}"):
                await asyncio.sleep(0.01)
            return i
        await asyncio.gather(*(step(i) for i in range(3)))
        [x async for x in (await_ for await_ in ())] if False else 7
        """
    )
    assert cell.text == "7"
    assert cell.shows_one_tree()
    trace = session.last()
    assert trace["state"] == "OK"
    assert trace["outputs"] == 7
    assert {trace["spans"][f"step {i}"] for i in range(3)} == {trace["root"]}


def test_spans_of_the_cell_are_children(session: Session) -> None:
    session.run("%%trace\nwith nbtrace.start_span('outer'):\n  with nbtrace.start_span('in'): pass")
    trace = session.last()
    assert trace["spans"]["outer"] == trace["root"]
    assert len(trace["spans"]) == 3


def test_nothing_stays_attached(session: Session) -> None:
    for body in ("1", "await asyncio.sleep(0)", "1/0", "x ="):
        session.run(f"%%trace\n{body}")
        assert session.run("print(nbtrace.get_current_active_span())").text == "None"


def test_several_traces_in_a_cell_show_one_tree(session: Session) -> None:
    cell = session.run(
        """
        %%trace
        import contextvars
        for i in range(3):
            with nbtrace.start_span(f"child {i}"): pass
        def apart():
            span = nbtrace.start_span_no_context("apart", parent_span=None); span.end()
        contextvars.Context().run(apart)
        """
    )
    assert cell.shows_one_tree()


# Errors and interrupts


def test_traceback_has_the_notebooks_lines(session: Session) -> None:
    cell = session.run("%%trace\n\ndef fail():\n    return 1 / 0\n\nfail()")
    text = without_colour(cell.traceback)
    assert cell.errors == ["ZeroDivisionError"]
    assert f"In[{cell.execution_count}], line 6" in text
    assert f"In[{cell.execution_count}], line 4" in text
    assert "nbtrace" not in text
    assert cell.shows_one_tree()
    trace = session.last()
    assert trace["state"] == "ERROR"
    assert trace["events"] == ["ZeroDivisionError"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("x = = 1", "SyntaxError"),
        ("if True:\nx", "IndentationError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise BaseException('b')", "BaseException"),
        ("await asyncio.sleep(0)\nraise ValueError", "ValueError"),
    ],
)
def test_an_error_ends_the_trace(session: Session, body: str, error: str) -> None:
    cell = session.run(f"%%trace\n{body}")
    assert cell.errors == [error]
    assert cell.shows_one_tree()
    trace = session.last()
    assert trace["state"] == "ERROR"
    assert trace["events"] == [error]
    assert session.run("1").text == "1"


# A kernel's idle event loop notices an interrupt only at its next event, traced or not.
@pytest.mark.parametrize(
    "wait", ["time.sleep(30)", "for _ in range(300): await asyncio.sleep(0.1)"]
)
def test_interrupt(session: Session, tmp_path: Path, wait: str) -> None:
    marker = tmp_path / "waits"
    started = time.monotonic()
    cell = session.interrupt(
        f"%%trace\nimport time, asyncio, pathlib\n"
        f"with nbtrace.start_span('wait'):\n"
        f"    pathlib.Path({str(marker)!r}).touch()\n    {wait}",
        marker,
    )
    assert time.monotonic() - started < 20
    assert cell.errors in (["KeyboardInterrupt"], ["CancelledError"])
    trace = session.last()
    assert trace["state"] == "ERROR"
    assert "wait" in trace["spans"]
    assert trace["attributes"]["nbtrace.interrupted"] is True
    following = session.run("%%trace after\nnbtrace.get_active_trace_id() is not None")
    assert following.text == "True"
    assert session.last()["state"] == "OK"
    assert len(session.last()["spans"]) == 1


def test_value_that_cannot_be_shown(session: Session) -> None:
    cell = session.run(
        """
        %%trace
        class Broken:
            def __repr__(self): raise ValueError("no repr")
        Broken()
        """
    )
    assert cell.shows_one_tree()
    assert session.last()["name"].startswith("In [")
    assert session.run("1").text == "1"


def test_exception_group(session: Session) -> None:
    cell = session.run("%%trace\nraise ExceptionGroup('g', [ValueError()])")
    # IPython 9 prints a group, IPython 8 sends it as the cell's error.
    assert "ExceptionGroup: g" in cell.text + without_colour(cell.traceback)
    assert session.last()["state"] == "ERROR"


def test_value_that_cannot_be_shown_after_an_error(session: Session) -> None:
    session.run(
        "%%trace\nclass Bad(Exception):\n    def __str__(self): raise ValueError\nraise Bad"
    )
    assert session.last()["state"] == "ERROR"
    assert session.run("1").text == "1"


# Other magics, nested runs


def test_time_below(session: Session) -> None:
    cell = session.run("%%trace\n%%time\n40 + 2")
    assert "Wall time" in cell.text
    assert cell.text.endswith("42")
    assert cell.shows_one_tree()
    assert session.last()["outputs"] == 42


def test_time_above(session: Session) -> None:
    cell = session.run(
        "%%time\n%%trace name --tag a=b\nwith nbtrace.start_span('in'): pass\n40 + 2"
    )
    assert "Wall time" in cell.text
    assert "42" in cell.text
    assert cell.shows_one_tree()
    trace = session.last()
    assert (trace["name"], trace["tags"]["a"], trace["outputs"]) == ("name", "b", 42)
    assert trace["spans"]["in"] == trace["root"]
    assert trace["attributes"]["nbtrace.cell.execution_count"] == cell.execution_count


def test_time_above_with_an_error(session: Session) -> None:
    cell = session.run("%%time\n%%trace\ndef fail():\n    1 / 0\nfail()")
    assert cell.errors == ["ZeroDivisionError"]
    text = without_colour(cell.traceback)
    assert "1 / 0" in text
    assert "magics.py" not in text
    assert session.last()["state"] == "ERROR"
    assert session.run("print(nbtrace.get_current_active_span())").text == "None"


def test_time_above_cannot_await(session: Session) -> None:
    before = session.last()["id"]
    cell = session.run("%%time\n%%trace\nran = 1\nawait asyncio.sleep(0)")
    assert "first line of the cell" in cell.text
    assert session.last()["id"] == before


@pytest.mark.parametrize("order", ["%%trace\n%%capture out", "%%capture out\n%%trace"])
def test_capture(session: Session, order: str) -> None:
    cell = session.run(f"{order}\nprint('caught')\n40 + 2")
    assert cell.user == []
    assert cell.shows_one_tree()
    assert session.run("out.stdout").text == r"'caught\n'"
    assert session.run("len(out.outputs)").text == "1"


def test_shell_and_line_magics(session: Session) -> None:
    assert "from bash" in session.run("%%trace\n%%bash\necho from bash").text
    cell = session.run("%%trace\n!echo from shell\n%time x = 1\nfiles = !echo a\nfiles")
    assert "from shell" in cell.text
    assert "Wall time" in cell.text
    assert "['a']" in cell.text
    assert cell.shows_one_tree()


def test_trace_twice_is_one_trace(session: Session) -> None:
    cell = session.run("%%trace outer\n%%trace inner\nawait asyncio.sleep(0)\n1")
    assert cell.shows_one_tree()
    trace = session.last()
    assert (trace["name"], len(trace["spans"])) == ("outer", 1)


def test_nested_cells_belong_to_the_cell_that_runs_them(session: Session, directory: Path) -> None:
    (directory / "script.py").write_text("with nbtrace.start_span('from script'): pass\n")
    cell = session.run(
        r"""
        %%trace
        get_ipython().run_cell("with nbtrace.start_span('plain'): pass")
        get_ipython().run_cell("%%trace nested\nwith nbtrace.start_span('inside'): pass")
        %run -i script.py
        """
    )
    assert cell.shows_one_tree()
    trace = session.last()
    assert trace["spans"]["plain"] == trace["root"]
    assert trace["spans"]["nested"] == trace["root"]
    assert trace["spans"]["from script"] == trace["root"]
    assert trace["spans"]["inside"] not in {None, trace["root"]}


def test_nested_run_in_a_plain_cell(session: Session) -> None:
    cell = session.run(r"r = get_ipython().run_cell('%%trace nested\n40 + 2')")
    assert cell.shows_one_tree()
    assert session.last()["outputs"] == 42


def test_indented_cell(session: Session) -> None:
    cell = session.run("    %%trace indented\n    40 + 2", dedent=False)
    assert cell.text == "42"
    assert session.last()["name"] == "indented"
    assert cell.shows_one_tree()
    assert session.run("%%trace body\n    43").text == "43"


# Mistakes


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("%%trace --bad\nran = True", "unrecognized arguments: --bad"),
        ("%%trace two words\nran = True", "quotes around"),
        ("%%trace --tag x\nran = True", "key=value"),
        ("%%trace", "cell body is empty"),
        ("%%trace\n\n", "cell body is empty"),
        ("%trace sideways", "usage: %trace on|off|autolog|last|diff|status"),
        ("%trace on --bad", "unrecognized arguments: --bad"),
    ],
)
def test_a_mistake_runs_nothing(session: Session, cell: str, says: str) -> None:
    before = session.last()["id"]
    session.run("ran = False")
    result = session.run(cell)
    assert says in result.text
    assert not result.static
    assert session.run("ran").text == "False"
    assert session.last()["id"] == before


def test_only_comments_make_no_trace(session: Session) -> None:
    before = session.last()["id"]
    assert session.run("%%trace\n# nothing yet").outputs == []
    assert session.last()["id"] == before


# %trace


def test_on_and_off(session: Session) -> None:
    try:
        assert "next one on" in session.run("%trace on --tag batch=7").text
        cell = session.run("with nbtrace.start_span('inside'): pass")
        assert cell.shows_one_tree()
        status = session.run("%trace status")
        assert not status.static
        assert "every cell" in status.text
        named = session.run("%%trace named\n1")
        assert named.shows_one_tree()
    finally:
        assert "%%trace" in session.run("%trace off").text
    assert not session.run("1").static
    assert session.last()["name"] == "named"
    tags = "[t.info.tags.get('batch') for t in nbtrace.search_traces(return_type='list')]"
    assert session.run(f"'7' in {tags}").text == "True"


def test_status(session: Session, directory: Path) -> None:
    text = session.run("%trace status").text
    assert str(directory / ".nbtrace") in text
    assert "Default" in text
    assert "cells with %%trace" in text
    count = int(re.search(r"traces: +([\d,]+)", text)[1].replace(",", ""))
    session.run("%%trace\n1")
    assert f"{count + 1:,}" in session.run("%trace").text


def test_last_shows_the_trace_of_a_plain_cell(session: Session) -> None:
    plain = session.run("with nbtrace.start_span('by hand'): pass")
    assert plain.outputs == []
    cell = session.run("%trace last")
    assert cell.shows_one_tree()
    assert "by hand" in cell.static[0]


def test_display_always_and_never(session: Session) -> None:
    session.run("nbtrace.configure(display='always');")
    cell = session.run("for i in range(3):\n    with nbtrace.start_span(f'span {i}'): pass")
    assert cell.shows_one_tree()
    assert "span 2" in cell.static[0]
    assert not session.run("1").static
    session.run("nbtrace.configure(display='never');")
    assert not session.run("%%trace hidden\n1").static
    assert session.last()["name"] == "hidden"
    session.run("nbtrace.configure(display='auto');")


def test_tracing_switched_off(session: Session) -> None:
    before = session.last()["id"]
    session.run("nbtrace.tracing.disable()")
    assert session.run("%%trace\n40 + 2").text == "42"
    session.run("nbtrace.tracing.enable()")
    assert session.last()["id"] == before


# The extension


@pytest.mark.parametrize("again", ["%load_ext nbtrace", "%reload_ext nbtrace"])
def test_loaded_again_traces_once(session: Session, again: str) -> None:
    assert not session.run(again).errors
    assert session.run("%%trace once\n1").shows_one_tree()
    query = "len(nbtrace.search_traces(filter_string=\"name = 'once'\"))"
    assert session.last()["name"] == "once"
    first = int(session.run(query).text)
    session.run("%%trace once\n1")
    assert int(session.run(query).text) == first + 1


def test_unload(session: Session) -> None:
    session.run("%unload_ext nbtrace")
    try:
        assert "not found" in session.run("%%trace\n1").text
        callbacks = "[f.__module__ for fs in get_ipython().events.callbacks.values() for f in fs]"
        assert "nbtrace" not in session.run(callbacks).text
    finally:
        session.run("%load_ext nbtrace")
    assert session.run("%%trace\n1").shows_one_tree()


@pytest.mark.parametrize("change", ["%unload_ext nbtrace", "%reload_ext nbtrace"])
def test_unloaded_by_the_traced_cell(session: Session, change: str) -> None:
    try:
        assert session.run(f"%%trace 'last one'\n{change}\n42").shows_one_tree()
        trace = session.last()
        assert (trace["name"], trace["state"], trace["outputs"]) == ("last one", "OK", 42)
    finally:
        session.run("%load_ext nbtrace")
    count = "len(get_ipython().events.callbacks['post_run_cell'])"
    assert session.run(count).text == "1"
    assert session.run("%%trace\n1").shows_one_tree()


@pytest.mark.parametrize("code", ["%%trace\n1", "%%time\n%%trace\n1"])
def test_cell_id_of_the_front_end(session: Session, code: str) -> None:
    client = BlockingKernelClient(connection_file=session.connection_file)
    client.load_connection_file()
    # without the heartbeat, whose thread may meet the sockets that are closed below
    client.start_channels(iopub=False, stdin=False, hb=False, control=False)
    try:
        content: dict[str, Any] = {"code": code, "silent": False, "store_history": True}
        message = client.session.msg("execute_request", content, metadata={"cellId": "cell-7"})
        client.shell_channel.send(message)
        client._recv_reply(message["header"]["msg_id"], timeout=20)
    finally:
        client.stop_channels()
    assert session.last()["attributes"]["nbtrace.cell.id"] == "cell-7"
