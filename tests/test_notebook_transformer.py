"""What becomes of a cell's text before IPython runs it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from nbtrace.notebook.transformer import TraceLineTransformer, has_code, traced_arguments


@pytest.fixture(scope="module")
def shell() -> InteractiveShell:
    return InteractiveShell()


@pytest.fixture(scope="module")
def transform(shell: InteractiveShell) -> TraceLineTransformer:
    transformer = TraceLineTransformer(shell)
    shell.input_transformers_cleanup.append(transformer)
    return transformer


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


@pytest.mark.parametrize(
    ("cell", "becomes"),
    [
        ("%%trace\nx", "#%%trace\nx"),
        ("%%trace name --tag a=b\n\nx", "#%%trace name --tag a=b\n\nx"),
        ("%%trace\r\nx", "#%%trace\r\nx"),
        ("%%trace\n%%time\nx", "%%time\nx"),
        ("%%trace\n\n%%bash\nls", "%%bash\nls"),
        ("%%trace\n%%trace\nx", "#%%trace\n#%%trace\nx"),
        ("%%trace\n    x\n    y", "#%%trace\nx\ny"),
        ("%%trace\n# only a comment", "#%%trace\n# only a comment"),
    ],
)
def test_the_line_gets_out_of_the_way(
    transform: TraceLineTransformer, cell: str, becomes: str
) -> None:
    assert "".join(transform(lines(cell))) == becomes


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "x",
        "%%trace",
        "%%trace\n\n  \n",
        "%%trace --bad\nx",
        "%%traced\nx",
        "%%trace?",
        "%trace on",
        "x\n%%trace\ny",
        "%%time\n%%trace\nx",
    ],
)
def test_the_line_stays(transform: TraceLineTransformer, cell: str) -> None:
    assert "".join(transform(lines(cell))) == cell


def test_ipython_runs_what_is_left(
    shell: InteractiveShell, transform: TraceLineTransformer
) -> None:
    assert transform in shell.input_transformers_cleanup
    assert shell.transform_cell("    %%trace\n    x = 1") == "#%%trace\nx = 1\n"
    assert shell.transform_cell(">>> %%trace\n>>> x = 1") == "#%%trace\nx = 1\n"
    assert shell.transform_cell("%%trace\nx = 1;") == "#%%trace\nx = 1;\n"
    assert "run_cell_magic('trace'" in shell.transform_cell("%%trace --bad\nx")


def test_the_terminal_waits_for_the_end_of_the_cell(
    shell: InteractiveShell, transform: TraceLineTransformer
) -> None:
    assert transform.has_side_effects
    assert shell.check_complete("%%trace\n")[0] == "incomplete"
    assert shell.check_complete("%%trace\nx = 1\n")[0] == "incomplete"


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("%%trace a\nx", "a"),
        ("\n\n%%trace a\nx", "a"),
        ("  %%trace a\n  x", "a"),
        (">>> %%trace a\n>>> x", "a"),
        ("In [3]: %%trace a\n   ...: x", "a"),
        ("%%trace a\n%%time\nx", "a"),
        ("%%trace a\n%%trace b\nx", "a"),
    ],
)
def test_the_options_of_a_traced_cell(cell: str, name: str) -> None:
    found = traced_arguments(cell)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "cell",
    ["", "x", "%%trace", "%%trace\n# comment\n", "%%trace --bad\nx", "'%%trace'", "# %%trace\nx"],
)
def test_a_cell_that_is_not_traced(cell: str) -> None:
    assert traced_arguments(cell) is None


def test_code_is_more_than_comments() -> None:
    assert not has_code(["# a", "  # b", ""])
    assert has_code(["# a", "x"])


@given(st.text(st.sampled_from("%trace \n\t#x>.'\\\r\f")))
def test_any_cell_passes(text: str) -> None:
    cell = lines("%%trace" + text)
    changed = TraceLineTransformer(InteractiveShell.instance())(list(cell))
    assert len(changed) <= len(cell)
    # Where the line is gone, the events trace the cell, unless it does nothing at all.
    if changed != cell and has_code([line for line in changed if not line.startswith("#%%trace")]):
        assert traced_arguments("".join(cell)) is not None
