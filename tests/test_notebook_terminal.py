"""``%%trace`` in an IPython without a front end: the tree is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbtrace
from nbtrace.notebook import load_ipython_extension, unload_ipython_extension
from nbtrace.notebook.environment import front_end, has_kernel, kernel_id, notebook_path
from nbtrace.notebook.frames import cell_frame, execution_count

if TYPE_CHECKING:
    import pytest
    from IPython.core.interactiveshell import InteractiveShell


def run(shell: InteractiveShell, cell: str) -> None:
    shell.run_cell(cell, store_history=True)


def last() -> nbtrace.entities.Trace:
    return nbtrace.get_trace(nbtrace.get_last_active_trace_id())


def test_the_tree_is_printed(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, "import nbtrace")
    run(shell, "%%trace answers\nwith nbtrace.start_span('search'): pass\n40 + 2")
    out = capsys.readouterr().out
    assert out.index("42") < out.index("answers")
    assert "└─ search" in out
    assert last().data.spans[0].outputs == 42


def test_no_display(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, "%%trace answers --no-display\nx = 1")
    assert capsys.readouterr().out == ""
    assert last().info.state == "OK"


def test_error(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, "%%trace answers\n1 / 0")
    assert "answers" in capsys.readouterr().out
    assert last().info.state == "ERROR"


def test_await(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, "%%trace answers\nimport asyncio\nawait asyncio.sleep(0)\n40 + 2")
    assert "answers" in capsys.readouterr().out
    assert last().data.spans[0].outputs == 42
    assert nbtrace.get_current_active_span() is None


def test_time_above(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, "%%time\n%%trace answers\n40 + 2;")
    out = capsys.readouterr().out
    assert "Wall time" in out
    assert out.count("answers") == 1


def test_capture_above(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, "%%capture kept\n%%trace answers\nprint('caught')")
    assert capsys.readouterr().out.count("answers") == 1
    assert shell.user_ns["kept"].stdout == "caught\n"


def test_status_says_when_tracing_is_off(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    nbtrace.tracing.disable()
    run(shell, "%trace status")
    assert "off, nbtrace.tracing.enable() turns it on" in capsys.readouterr().out


def test_opentelemetry_switched_off_is_said_where_the_tree_would_stand(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    nbtrace.tracing.reset()
    for line in ("%trace on", "%%trace\n40 + 2;", "%trace status"):
        run(shell, line)
        assert "OTEL_SDK_DISABLED=true" in capsys.readouterr().out
    run(shell, "40 + 2;")
    assert capsys.readouterr().out == ""
    nbtrace.tracing.enable()
    run(shell, "%%trace answers\n40 + 2;")
    assert "answers" in capsys.readouterr().out


def test_last_and_status(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, "%trace last")
    assert "no trace yet" in capsys.readouterr().out
    run(shell, "import nbtrace\nwith nbtrace.start_span('by hand'): pass")
    assert capsys.readouterr().out == ""
    run(shell, "%trace last")
    assert "by hand" in capsys.readouterr().out
    run(shell, "%trace status")
    out = capsys.readouterr().out
    assert ".nbtrace" in out
    assert "traces:     1" in out


def test_autolog(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, "%trace autolog anthropic")
    assert "anthropic" in capsys.readouterr().out
    run(shell, "%trace autolog --off")
    shell.run_cell("%trace autolog anthrapic")
    assert "no instrumentor is known or installed for 'anthrapic'" in capsys.readouterr().err


def test_loading_touches_nothing(
    shell: InteractiveShell, store_directory: object, capsys: pytest.CaptureFixture[str]
) -> None:
    from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider

    run(shell, "1 + 1")
    assert isinstance(get_tracer_provider(), ProxyTracerProvider)
    assert not store_directory.exists()
    run(shell, "%trace status")
    assert "none yet" in capsys.readouterr().out


def test_where_the_code_runs(shell: InteractiveShell) -> None:
    assert not has_kernel(shell)
    assert front_end(shell) == "terminal"
    assert notebook_path(shell) is None
    assert kernel_id(shell) is None


def test_running_cell_is_found_on_the_stack(shell: InteractiveShell) -> None:
    found = []
    shell.user_ns["look"] = lambda: found.append((cell_frame(shell), execution_count(shell)))
    run(shell, "look()")
    run(shell, "get_ipython().run_cell('look()')")
    assert all(frame is not None for frame, _ in found)
    assert [count for _, count in found] == [1, 2]
    assert cell_frame(shell) is None


def test_loading_twice_and_unloading(shell: InteractiveShell) -> None:
    transformers = len(shell.input_transformers_cleanup)
    callbacks = len(shell.events.callbacks["post_run_cell"])
    load_ipython_extension(shell)
    assert len(shell.input_transformers_cleanup) == transformers
    assert len(shell.events.callbacks["post_run_cell"]) == callbacks
    unload_ipython_extension(shell)
    unload_ipython_extension(shell)
    assert len(shell.input_transformers_cleanup) == transformers - 1
    assert len(shell.events.callbacks["post_run_cell"]) == callbacks - 1
    assert shell.find_cell_magic("trace") is None


def test_trace_on_survives_a_reload(shell: InteractiveShell) -> None:
    run(shell, "%trace on --no-display")
    load_ipython_extension(shell)
    run(shell, "1 + 1")
    assert last().data.spans[0].outputs == 2
    run(shell, "%trace off")


def test_an_interrupt_in_the_callback_goes_no_further(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nbtrace.tracing.cells.start_cell", interrupted)
    run(shell, "%%trace\nran = True")
    assert shell.user_ns["ran"]
    assert "could not trace this cell" in caplog.text


def test_two_runs_are_compared(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    run(shell, "%%trace ask\n1")
    run(shell, "%%trace ask\n2")
    capsys.readouterr()
    run(shell, "%trace diff")
    text = capsys.readouterr().out
    assert text.splitlines()[0].startswith("- ask")
    assert "inputs, outputs differ" in text


def test_nothing_to_compare_says_so(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    run(shell, "%trace diff " + "tr-" + "0" * 32)
    assert "there is no trace 'tr-000" in capsys.readouterr().err
    run(shell, "%%trace only\n1")
    capsys.readouterr()
    run(shell, "%trace diff")
    assert "no earlier run" in capsys.readouterr().err
    run(shell, "%trace diff a b c")
    assert "at most two ids" in capsys.readouterr().err
