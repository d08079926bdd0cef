"""How long a value takes to record that nobody meant to trace.

Each case runs in a process of its own, since some hold a gigabyte. Its value goes in as input,
argument, return value, span attribute, event attribute, tag and as the last value of a ``%%trace``
cell of a real IPython shell; each way is timed three times, by the CPU time of the caller's thread,
and the worst counts. The longest wall time stands beside it: on a machine with other work to do
that is the other work's, and with a ``__repr__`` that sleeps its own. What the traced code costs by
itself is not in it: the argument's figure is the whole call of a function that does nothing, the
cell's is what nbtrace does when the cell has ended, its trace brought to disk. Exceptions are timed
from where they leave the span to its end.

Run it as ``python tests/benchmarks/bench_bad_input.py [case ...]``.
"""

from __future__ import annotations

import contextlib
import enum
import gc
import io
import json
import math
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import measure

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT_MS = 50.0
TURNS = 3
SECRET = "password=x1y2z3a4;"
WAYS = ("inputs", "argument", "return", "attribute", "event", "tag", "cell")


class RaisingRepr:
    def __repr__(self) -> str:
        msg = "no"
        raise ValueError(msg)


class SleepingRepr:
    def __repr__(self) -> str:
        time.sleep(0.2)
        return "slept"


class LongRepr:
    def __repr__(self) -> str:
        return "x" * 100_000_000


class Hostile:
    """Claims to be what it is not, and refuses everything it is asked."""

    def _refuse(self, *_: object) -> Any:
        time.sleep(0.1)
        msg = "hands off"
        raise RuntimeError(msg)

    __class__ = property(_refuse)  # type: ignore[assignment]
    __getattribute__ = __len__ = __iter__ = __eq__ = __hash__ = _refuse  # type: ignore[assignment]
    __bool__ = __str__ = __repr__ = __getitem__ = __contains__ = _refuse


class Color(enum.Enum):
    RED = "red"


def _cyclic() -> Any:
    value: dict[str, Any] = {"a": 1}
    value["self"] = value
    return value


def _deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = [value]
    return value


def _deep_dict(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = {"child": value}
    return value


def _frame() -> Any:
    import numpy as np
    import pandas as pd

    rows = 10_000_000
    return pd.DataFrame({"a": np.zeros(rows), "b": np.arange(rows)})


def _object_column() -> Any:
    import pandas as pd

    return pd.DataFrame({"text": [f"row {number}" for number in range(1_000_000)]})


def _wide_frame() -> Any:
    import numpy as np
    import pandas as pd

    return pd.DataFrame(np.zeros((10, 100_000)))


def _array() -> Any:
    import numpy as np

    return np.zeros(100_000_000, dtype="u1")


def _object_array() -> Any:
    import numpy as np

    return np.array([RaisingRepr() for _ in range(1_000_000)])


CASES: dict[str, Callable[[], Any]] = {
    "__repr__ that raises": RaisingRepr,
    "10,000 __repr__ that raise": lambda: [RaisingRepr() for _ in range(10_000)],
    "__repr__ that sleeps 200 ms": SleepingRepr,
    "__repr__ of 100 MB": LongRepr,
    "hostile class": Hostile,
    "list of 1,000 hostile": lambda: [Hostile() for _ in range(1_000)],
    "Enum member": lambda: Color.RED,
    "cyclic dict": _cyclic,
    "text of 1 GB": lambda: "x" * 1_000_000_000,
    "text of 400 MB, not ASCII": lambda: "\u00fc" * 400_000_000,
    "lone surrogate": lambda: "a\ud800b",
    "text of 10 MB of lone surrogates": lambda: "\ud800" * 10_000_000,
    "NaN": lambda: math.nan,
    "integer of 65 bits": lambda: 2**65,
    "integer of 10 million bits": lambda: 1 << 10_000_000,
    "list of 10,000 large integers": lambda: [2**4_000 + n for n in range(10_000)],
    "lock": threading.Lock,
    "generator": lambda: (number for number in range(10)),
    "DataFrame of 10 million rows": _frame,
    "DataFrame of 1 million texts": _object_column,
    "DataFrame of 100,000 columns": _wide_frame,
    "array of 100 million": _array,
    "array of 1 million objects": _object_array,
    "list of 10 million ints": lambda: list(range(10_000_000)),
    "list of 1 million texts": lambda: [f"text {number}" for number in range(1_000_000)],
    "set of 1 million": lambda: set(range(1_000_000)),
    "set of 1 million texts": lambda: {f"text {number}" for number in range(1_000_000)},
    "dict of 1 million": lambda: dict.fromkeys(range(1_000_000), 0),
    "dict of 1 million texts": lambda: {f"key {number}": "v" for number in range(1_000_000)},
    "dict of 1 million dicts": lambda: {f"key {number}": {"a": 1} for number in range(1_000_000)},
    "dict with 100 keys of 1 MB": lambda: {f"{n}" + "k" * 1_000_000: n for n in range(100)},
    "dict with 10,000 keys of 10 kB": lambda: {f"{n}" + "k" * 10_000: n for n in range(10_000)},
    "10,000 levels of lists": lambda: _deep(10_000),
    "10,000 levels of dicts": lambda: _deep_dict(10_000),
    "bytes of 500 MB": lambda: bytes(500_000_000),
    "bytearray of 500 MB": lambda: bytearray(500_000_000),
    "memoryview of 500 MB": lambda: memoryview(bytes(500_000_000)),
    "bytes of 90 kB": lambda: bytes(range(256)) * 360,
    "10,000 texts with escapes": lambda: ['"\\\n' * 33] * 10_000,
    "10,000 texts of JSON": lambda: ['{"a": "b", "password": "x"}'] * 10_000,
    "1,000 texts full of secrets": lambda: [SECRET * 55] * 1_000,
    "1,000 texts with one secret each": lambda: [
        f"{'lorem ipsum ' * 80} password=hunter{n}" for n in range(1_000)
    ],
    "text of 1 MB of secrets": lambda: SECRET * 55_000,
    "text of 100 kB of secrets": lambda: SECRET * 5_500,
    "JSON text of 3 MB, full of secrets": lambda: json.dumps([{"password": "x"}] * 180_000),
    "JSON text of 90 kB, full of secrets": lambda: json.dumps([{"password": "x"}] * 5_000),
    "text of 100 kB of harmless tokens": lambda: '{"token": "Hello"} ' * 5_200,
    "dict of 5,000 passwords": lambda: [{"password": "x"} for _ in range(5_000)],
    "JSON in JSON in JSON": lambda: json.dumps([json.dumps([json.dumps([SECRET] * 200)] * 20)] * 5),
}


def _error(text: str) -> Callable[[], None]:
    def fail() -> None:
        raise ValueError(text)

    return fail


class RaisingText(Exception):  # noqa: N818 - what it does
    def __str__(self) -> str:
        msg = "no"
        raise ValueError(msg)


def _fail_hostile() -> None:
    raise RaisingText


def _fail_group() -> None:
    errors = []
    for number in range(10_000):
        try:
            raise ValueError(str(number))  # noqa: TRY301 - with a traceback each
        except ValueError as error:
            errors.append(error)
    msg = "many"
    raise ExceptionGroup(msg, errors)


def _fail_deep() -> None:
    sys.setrecursionlimit(11_000)

    def recurse(depth: int) -> None:
        if depth == 0:
            msg = "deep"
            raise RecursionError(msg)
        recurse(depth - 1)

    recurse(10_000)


def _fail_with_notes() -> None:
    error = ValueError("noted")
    for number in range(10_000):
        error.add_note(f"note {number} " + "n" * 10_000)
    raise error


def _fail_chained() -> None:
    previous: Exception | None = None
    for number in range(1_000):
        error = ValueError(str(number))
        error.__cause__ = previous
        previous = error
    assert previous is not None
    raise previous


def _fail_with_arguments() -> None:
    raise ValueError(list(range(3_000_000)))


FAILURES: dict[str, Callable[[], Any]] = {
    "exception of 1 GB": lambda: _error("x" * 1_000_000_000),
    "exception of 1 MB of secrets": lambda: _error(SECRET * 55_000),
    "exception whose __str__ raises": lambda: _fail_hostile,
    "ExceptionGroup of 10,000": lambda: _fail_group,
    "RecursionError, 10,000 frames": lambda: _fail_deep,
    "notes of 100 MB": lambda: _fail_with_notes,
    "1,000 chained exceptions": lambda: _fail_chained,
    "exception with a list of 3 million": lambda: _fail_with_arguments,
}


# The longest wall time of the case.
longest = [0.0]


def _worst(once: Callable[[], float]) -> float:
    return max(once() for _ in range(TURNS))


def _timed(call: Callable[[], object]) -> float:
    waited, begun = time.perf_counter(), time.thread_time()
    call()
    spent = time.thread_time() - begun
    longest[0] = max(longest[0], (time.perf_counter() - waited) * 1_000)
    return spent * 1_000


def _cell(value: Any) -> float:
    """Return what nbtrace does after a cell whose last value this is."""
    from IPython.core.interactiveshell import InteractiveShell

    from nbtrace.tracing.cells import Cell

    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    if "nbtrace" not in shell.extension_manager.loaded:
        shell.extension_manager.load_extension("nbtrace")
        # IPython's own display of a gigabyte is not what is measured.
        shell.display_formatter.format = lambda *_, **__: ({}, {})
    spent: list[float] = []
    end = Cell.end

    def timed_end(self: Cell, **facts: Any) -> None:
        spent.append(_timed(lambda: end(self, **facts)))

    shell.user_ns["value"] = value
    Cell.end = timed_end  # type: ignore[method-assign]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            shell.run_cell("%%trace --no-display\nvalue")
    finally:
        Cell.end = end  # type: ignore[method-assign]
    return spent[0]


def measure_value(make: Callable[[], Any]) -> dict[str, float]:
    """Return the worst time of each way for one value, milliseconds."""
    import nbtrace
    from nbtrace.entities import SpanEvent

    value = make()
    # A full collection goes through all the objects of the value, whoever's turn it falls into.
    gc.collect()
    gc.freeze()
    take = nbtrace.trace(lambda taken: None)
    give = nbtrace.trace(lambda: value)
    found = {}
    with nbtrace.start_span("bad") as span:
        ways: dict[str, Callable[[], object]] = {
            "inputs": lambda: span.set_inputs(value),
            "argument": lambda: take(value),
            "return": give,
            "attribute": lambda: span.set_attribute("value", value),
            "event": lambda: span.add_event(SpanEvent("bad", attributes={"value": value})),
            "tag": lambda: nbtrace.update_current_trace(tags={"value": value}),
        }
        for name, way in ways.items():
            found[name] = _worst(lambda way=way: _timed(way))  # type: ignore[misc]
    nbtrace.flush()
    found["cell"] = _worst(lambda: _cell(value))
    return {**found, "wall": longest[0]}


def measure_failure(make: Callable[[], Any]) -> dict[str, float]:
    """Return the worst time that nbtrace adds to a failure, milliseconds."""
    import nbtrace

    def once() -> float:
        fail = make()
        span = nbtrace.start_span("bad")
        span.__enter__()
        try:
            fail()
        except Exception:
            raised = sys.exc_info()
            return _timed(lambda: span.__exit__(*raised))
        return math.nan

    return {"exception": _worst(once), "wall": longest[0]}


def child(name: str) -> None:
    """Measure one case and print its figures."""
    import nbtrace

    with measure.new_store():
        # What is imported and compiled once belongs to the first trace, whatever is in it.
        with nbtrace.start_span("warm") as span:
            span.set_inputs(["password=hunter2", RaisingRepr()])
        nbtrace.flush()
        with contextlib.suppress(ValueError), nbtrace.start_span("warm"):
            _error("warm")()
        if name in CASES:
            _cell(1)
            longest[0] = 0.0
            figures = measure_value(CASES[name])
        else:
            figures = measure_failure(FAILURES[name])
        nbtrace.flush()
    print(json.dumps(figures))


def _line(name: str, found: dict[str, float]) -> str:
    ways = (*(WAYS if name in CASES else ("exception",)), "wall")
    cells = [f"{found[way]:.1f}" if way in found else "-" for way in ways]
    spent = max(found[way] for way in ways[:-1])
    holds = "yes" if spent <= LIMIT_MS else "**no**"
    return f"| {name} | {' | '.join(cells)} | {holds} |"


def main() -> None:
    """Print the tables."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2])
        return
    chosen = [name for name in sys.argv[1:] if not name.startswith("--")]
    for title, cases, ways in (("value", CASES, WAYS), ("exception", FAILURES, ("exception",))):
        names = [name for name in cases if not chosen or name in chosen]
        if names:
            heading = "ms" if title == "exception" else " | ".join(ways)
            print(f"| {title} | {heading} | longest, wall | at most {LIMIT_MS:.0f} ms of CPU? |")
            print(f"|{'---|' * (len(ways) + 3)}")
        for name in names:
            done = subprocess.run(
                [sys.executable, __file__, "--child", name],
                env=measure.environment(),
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                print(f"| {name} | failed: {done.stderr.strip().splitlines()[-1:]} |")
            else:
                print(_line(name, json.loads(done.stdout.splitlines()[-1])), flush=True)


if __name__ == "__main__":
    main()
