"""The tree stays in a cell whose code clears, redirects or captures its output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from notebook_session import Cell, Session, open_session

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with open_session(tmp_path_factory.mktemp("output")) as opened:
        opened.run(
            """
            import asyncio, sys, threading, time
            import ipywidgets, nbtrace
            from IPython.display import clear_output, display
            """
        )
        yield opened


def kinds(cell: Cell) -> list[str]:
    return [
        "tree" if "nbtrace-static" in str(item.get("data", "")) else
        "widget" if item in cell.widgets else
        item.output_type
        for item in cell.outputs
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "text", "order"),
    [
        pytest.param(
            "for i in range(8):\n  clear_output(wait=True); print('step', i); time.sleep(0.05)",
            "step 7",
            ["tree", "widget", "stream"],
            id="streaming loop",
        ),
        pytest.param(
            "for i in range(12):\n  clear_output(wait=True); print('step', i); time.sleep(0.15)",
            "step 11",
            None,
            id="slow streaming loop",
        ),
        pytest.param(
            "for i in range(300):\n  clear_output(wait=True); print('step', i)",
            "step 299",
            None,
            id="flood",
        ),
        pytest.param(
            "for i in range(8):\n  clear_output(); print('step', i); time.sleep(0.15)",
            "step 7",
            None,
            id="clear at once",
        ),
        pytest.param("print('a'); clear_output()", "", ["tree", "widget"], id="clear is last"),
        pytest.param(
            "print('a'); clear_output(wait=True)",
            "a",
            ["tree", "widget", "stream"],
            id="clear that never works",
        ),
        pytest.param(
            "for i in range(20):\n  clear_output(wait=True); print('step', i); time.sleep(0.06)\n"
            "clear_output(wait=True)",
            "step 19",
            None,
            id="loop and a clear that never works",
        ),
        pytest.param(
            "print('a'); clear_output(wait=True)\n5",
            "5",
            ["tree", "widget", "execute_result"],
            id="value after a clear",
        ),
        pytest.param(
            "clear_output(wait=True)\ndisplay(5)",
            "5",
            ["tree", "widget", "display_data"],
            id="display after a clear",
        ),
        pytest.param(
            "clear_output(wait=True)\nprint('e', file=sys.stderr)",
            "e",
            ["tree", "widget", "stream"],
            id="stderr after a clear",
        ),
        pytest.param(
            "clear_output(wait=True)\n!echo hi",
            "hi",
            ["tree", "widget", "stream"],
            id="shell after a clear",
        ),
        pytest.param(
            "for i in range(5):\n  clear_output(wait=True); print(i); await asyncio.sleep(0.03)",
            "4",
            ["tree", "widget", "stream"],
            id="await",
        ),
        pytest.param(
            "clear_output(wait=True)\n"
            "thread = threading.Thread(target=print, args=('t',)); thread.start(); thread.join()",
            "t",
            None,
            id="print in a thread",
        ),
        pytest.param(
            "print('a')\n"
            "thread = threading.Thread(target=clear_output); thread.start(); thread.join()\n"
            "print('b')",
            "b",
            None,
            id="clear in a thread",
        ),
    ],
)
def test_clear_output(session: Session, body: str, text: str, order: list[str] | None) -> None:
    cell = session.run(f"%%trace\n{body}")
    assert cell.errors == []
    assert cell.text == text
    assert cell.shows_one_tree()
    if order is not None:
        assert kinds(cell) == order
    # What stands in the saved notebook is the finished tree, wherever it was shown.
    assert "CELL" in cell.static[0]
    assert session.last()["state"] == "OK"


def test_clear_output_then_error(session: Session) -> None:
    cell = session.run("%%trace\nprint('a'); clear_output(wait=True)\n1 / 0")
    assert cell.errors == ["ZeroDivisionError"]
    assert cell.shows_one_tree()
    assert cell.text == ""


def test_without_trace_nothing_is_watched(session: Session) -> None:
    session.run("%%trace\nclear_output(wait=True)\n1")
    watched = session.run(
        """
        shell = get_ipython()
        owners = [shell.display_pub, shell.displayhook, sys.stderr, sys.stdout]
        names = ["publish", "clear_output", "start_displayhook", "write"]
        found = [getattr(o, n).__module__ for o in owners for n in names if hasattr(o, n)]
        print([module for module in found if module.startswith("nbtrace")])
        """
    )
    assert watched.text == "[]"
    cell = session.run("print('a'); clear_output(wait=True); print('b')")
    assert (cell.text, cell.static) == ("b", [])


# nbclient answers an Output widget on the socket it is waiting on, and now and then sleeps through
# the reply until its timeout, with or without nbtrace. These cells take milliseconds.
WIDGET_SECONDS = 3


def test_output_widget(session: Session) -> None:
    cell = session.run(
        """
        %%trace
        out = ipywidgets.Output(); display(out)
        with out:
            for i in range(5):
                clear_output(wait=True); print(i)
        @out.capture(clear_output=True)
        def inside(): print("in")
        inside(); inside()
        print("after")
        """,
        timeout=WIDGET_SECONDS,
    )
    assert cell.shows_one_tree()
    assert cell.text.endswith("after")
    assert session.run("[o for o in out.outputs if 'nbtrace' in str(o)]").text == "[]"


def test_clear_outside_an_output_widget(session: Session) -> None:
    cell = session.run(
        """
        %%trace
        out = ipywidgets.Output()
        print("before")
        clear_output(wait=True)
        with out: print("inside")
        print("after")
        """,
        timeout=WIDGET_SECONDS,
    )
    assert cell.shows_one_tree()
    assert cell.text == "after"


@pytest.mark.parametrize("wait", ["wait=True", "wait=False"])
def test_clear_inside_capture(session: Session, wait: str) -> None:
    cell = session.run(
        f"%%trace\n%%capture out\nfor i in range(3):\n  clear_output({wait}); print(i)"
    )
    assert cell.shows_one_tree()
    assert cell.user == []


def test_tqdm(session: Session) -> None:
    cell = session.run("%%trace\nfrom tqdm import tqdm\nfor i in tqdm(range(3)): pass")
    assert "3/3" in cell.text
    assert cell.shows_one_tree()


def test_tqdm_notebook(session: Session) -> None:
    cell = session.run(
        "%%trace\nfrom tqdm.notebook import tqdm\n"
        "for i in tqdm(range(3), leave=False): clear_output(wait=True); print(i)"
    )
    assert cell.text.endswith("2")
    assert cell.shows_one_tree()


def test_updates_make_no_clear_work(session: Session) -> None:
    cell = session.run(
        """
        %%trace
        handle = display("first", display_id=True)
        clear_output(wait=True)
        handle.update("second")
        """
    )
    assert cell.text == "'second'"
    assert cell.shows_one_tree()


def test_displays_of_the_user_keep_their_order(session: Session) -> None:
    cell = session.run("%%trace\nprint('a')\ndisplay('b')\nprint('c')\n'd'")
    assert cell.text.split() == ["a", "'b'", "c", "'d'"]
    assert kinds(cell)[:2] == ["tree", "widget"]
