"""Programs that a cell starts, in whatever way notebooks have for it, join the cell's trace."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from notebook_session import Session, open_session

if TYPE_CHECKING:
    from collections.abc import Iterator

CHILD = "import nbtrace\nwith nbtrace.start_span('in the child'): pass\n"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="done for the shell of POSIX only")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    directory = tmp_path_factory.mktemp("programs")
    with open_session(directory) as opened:
        opened.run("import multiprocessing, nbtrace, os, subprocess, sys")
        (directory / "child.py").write_text(CHILD)
        opened.run(
            f"child = {str(directory / 'child.py')!r}; program = f'{{sys.executable}} {{child}}'"
        )
        yield opened


@pytest.mark.parametrize(
    "code",
    [
        "!{program}",
        "answer = !{program}",
        "code = os.system(program)",
        "text = os.popen(program).read()",
        "done = subprocess.run(program, shell=True, check=True)",
        "get_ipython().run_cell_magic('bash', '', program)",
    ],
)
def test_a_program_joins_the_cell_that_started_it(session: Session, code: str) -> None:
    cell = session.run(f"%%trace\n{code}")
    assert not cell.errors
    last = session.last()
    assert last is not None
    assert last["spans"].get("in the child") == last["root"], last["spans"]
    # the same, in a cell that is not traced, begins a trace of its own
    before = session.run("print(nbtrace.count_traces())").text
    session.run(code)
    assert int(session.run("print(nbtrace.count_traces())").text) == int(before) + 1


def test_forked_workers_of_a_cell_join_it(session: Session) -> None:
    cell = session.run(
        """
        %%trace
        def job(name):
            with nbtrace.start_span(name):
                return name

        with multiprocessing.get_context("fork").Pool(2) as pool:
            names = pool.map(job, ["a", "b"])
        """
    )
    assert not cell.errors, cell.traceback
    last = session.last()
    assert last is not None
    assert {"a", "b"} <= set(last["spans"])
    assert {last["spans"][name] for name in ("a", "b")} == {last["root"]}
