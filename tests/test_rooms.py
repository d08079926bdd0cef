"""The rooms of the package import only what the design allows.

All imports are read from the syntax trees of the source, wherever they stand: at the top, inside a
function, or by name through ``importlib``. What stands under ``TYPE_CHECKING`` is for the type
checker alone and free.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[1] / "nbtrace"

BASE = {"exceptions", "config"}
# The table of the design. A room may import itself, and every room may import the base.
ALLOWED = {
    "base": set(),
    "entities": set(),
    "otel": {"entities"},
    "store": {"entities", "otel"},
    "search": {"entities", "store"},
    "tracing": {"entities", "otel", "store"},
    "transfer": {"entities", "otel", "store", "search"},
    "widgets": {"entities", "otel", "store", "search"},
    "notebook": {"entities", "otel", "store", "search", "tracing", "transfer", "widgets"},
}
# Whatever is not a room or the base is the public face: it may import everything.
FACE = "face"

# Each costs more than the whole of `import nbtrace` may cost.
HEAVY = {"pandas", "numpy", "ipywidgets", "anywidget", "IPython", "sqlite_utils", "genai_prices"}
# These rooms are themselves imported only when something is shown.
SHOWN = {"widgets", "notebook"}
POSIX_ONLY = {"fcntl", "grp", "posix", "pwd", "resource", "syslog", "termios", "tty"}


@dataclass(frozen=True)
class Import:
    """One import of a module, and where it stands."""

    module: str
    line: int
    in_function: bool
    in_one_liner: bool
    guarded: bool


def room_of(module: str) -> str:
    """Return the room of a module's dotted name."""
    parts = module.split(".")
    if len(parts) == 1:
        return FACE
    if parts[1] in BASE:
        return "base"
    return parts[1] if parts[1] in ALLOWED else FACE


def module_of(path: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = ["nbtrace", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_type_checking(node: ast.AST) -> bool:
    """Return whether a statement is an ``if TYPE_CHECKING`` block."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in {
        "TYPE_CHECKING",
        "typing.TYPE_CHECKING",
    }


def is_one_liner(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a body is, beside docstring and imports, one statement."""
    body = [
        statement
        for statement in function.body
        if not isinstance(statement, ast.Import | ast.ImportFrom)
        and not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
    ]
    return len(body) == 1


def targets(node: ast.AST, module: str, *, is_package: bool) -> list[str]:
    """Return the modules that a node imports, as absolute dotted names."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=source, names=names, level=level):
            parts = module.split(".")
            kept = parts[: len(parts) - level + (1 if is_package else 0)] if level else []
            base = ".".join([*kept, *([source] if source else [])])
            # `from nbtrace import store` is an import of the room, not of the public face.
            return [f"{base}.{alias.name}" if base == "nbtrace" else base for alias in names]
        case ast.Call(func=function, args=[ast.Constant(value=str() as name), *_]) if ast.unparse(
            function
        ).endswith(("import_module", "__import__")):
            return [name]
    return []


def imports_of(source: str, module: str, *, is_package: bool = False) -> Iterator[Import]:
    """Yield all imports of a source text, except those for the type checker alone."""

    def walk(
        node: ast.AST, function: ast.FunctionDef | ast.AsyncFunctionDef | None, guarded: bool
    ) -> Iterator[Import]:
        for name in targets(node, module, is_package=is_package):
            one_liner = function is not None and is_one_liner(function)
            line = getattr(node, "lineno", 0)
            yield Import(name, line, function is not None, one_liner, guarded)
        # What stands under TYPE_CHECKING is left out, what stands under its `else` is not.
        children = node.orelse if is_type_checking(node) else ast.iter_child_nodes(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node
        for child in children:
            yield from walk(child, function, guarded or isinstance(node, ast.Try | ast.If))

    yield from walk(ast.parse(source), None, False)


def faults_of(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Return what a source text imports against the rules, one sentence each."""
    faults = []
    room = room_of(module)
    for found in imports_of(source, module, is_package=is_package):
        where = f"{module}, line {found.line}: imports {found.module}"
        top = found.module.split(".")[0]
        if top == "nbtrace" and room != FACE:
            other = room_of(found.module)
            convenience = room == "entities" and found.in_one_liner
            if other not in {room, "base", *ALLOWED[room]} and not convenience:
                faults.append(f"{where}, but {room} may not import {other}")
        if found.in_function:
            continue
        if (top in HEAVY or found.module.startswith("opentelemetry.sdk")) and room not in SHOWN:
            faults.append(f"{where} at the top; import it in the function that needs it")
        if top in POSIX_ONLY and not found.guarded:
            faults.append(f"{where} at the top, which Windows does not have")
    return faults


def test_every_room_imports_only_what_it_may() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert files
    faults = [
        fault
        for path in files
        for fault in faults_of(
            path.read_text(encoding="utf-8"),
            module_of(path),
            is_package=path.name == "__init__.py",
        )
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("nbtrace.entities.span", "from nbtrace.otel import otlp"),
        ("nbtrace.entities.span", "import nbtrace.store"),
        ("nbtrace.entities.span", "from nbtrace import store"),
        ("nbtrace.entities.span", "import nbtrace"),
        ("nbtrace.entities.span", "from ..otel import otlp"),
        (
            "nbtrace.entities.span",
            "def f():\n    import nbtrace.otel\n    a = 1\n    b = 2",
        ),
        ("nbtrace.search.parser", "from nbtrace.otel import otlp"),
        ("nbtrace.search.parser", "def f():\n    from nbtrace.tracing import record\n    record()"),
        ("nbtrace.store.store", "importlib.import_module('nbtrace.search')"),
        ("nbtrace.config", "from nbtrace.entities import Span"),
        ("nbtrace.widgets.tree", "from nbtrace.tracing import active"),
        ("nbtrace.store.store", "import sqlite_utils"),
        ("nbtrace.client", "import pandas as pd"),
        ("nbtrace.tracing.provider", "from opentelemetry.sdk.trace import TracerProvider"),
        ("nbtrace.store.locks", "import fcntl"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str) -> None:
    assert len(faults_of(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("nbtrace.entities.span", "from nbtrace.exceptions import NbtraceError"),
        ("nbtrace.entities.span", "from .link import Link"),
        ("nbtrace.entities.trace", "def f():\n    from nbtrace.widgets import x\n    return x()"),
        (
            "nbtrace.entities.trace",
            "if TYPE_CHECKING:\n    import pandas\n    from nbtrace.widgets import x",
        ),
        ("nbtrace.store.store", "def f():\n    import sqlite_utils"),
        ("nbtrace.store.locks", "try:\n    import fcntl\nexcept ImportError:\n    fcntl = None"),
        ("nbtrace.widgets.tree", "import anywidget"),
        ("nbtrace.client", "from nbtrace.search import traces"),
        ("nbtrace.examples.answering", "import nbtrace"),
    ],
)
def test_an_allowed_import_passes(module: str, source: str) -> None:
    assert faults_of(source, module) == []


def test_importing_nbtrace_loads_nothing_heavy() -> None:
    heavy = sorted(HEAVY | {"opentelemetry.sdk"})
    program = f"import sys, nbtrace; print(*[m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
