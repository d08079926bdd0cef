"""Whatever the package imports is declared: as a dependency, or in the extra that brings it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A module is found in the distribution of its own name but for these.
DISTRIBUTIONS = {
    "IPython": "ipython",
    "genai_prices": "genai-prices",
    "opentelemetry": "opentelemetry-api",
    "sqlite_utils": "sqlite-utils",
}
# They come with a dependency that is declared, or are looked at only where somebody has them.
COME_WITH = {"ipython": "ipywidgets", "numpy": "pandas"}
MODULES_OF_EXTRAS = {
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry.exporter": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry.proto": "opentelemetry-exporter-otlp-proto-http",
}
# Used where a person's own program has it, never asked for.
ONLY_IF_THERE = {
    "PIL", "google", "ipykernel", "numpy", "opentelemetry.instrumentation", "pydantic",
    "pydantic_core", "torch", "zstandard",
}  # fmt: skip


def declared():
    """Return the names of all dependencies, and those of the extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = {name_of(text) for text in project["dependencies"]}
    optional = {
        name_of(text) for extra, texts in extras.items() if extra != "test" for text in texts
    }
    return needed, optional


def name_of(requirement):
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower()


def imports():
    """Yield each module of others that the package imports, where, and whether on import."""
    for path in sorted((ROOT / "nbtrace").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        at_once = {
            id(node)
            for statement in tree.body
            if isinstance(statement, ast.Import | ast.ImportFrom)
            for node in [statement]
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            else:
                continue
            for name in names:
                top = name.partition(".")[0]
                if top != "nbtrace" and top not in sys.stdlib_module_names:
                    yield name, f"{path.relative_to(ROOT)}:{node.lineno}", id(node) in at_once


def fault_of(name, *, at_once):
    """Return what is wrong with importing a module, None where all is well."""
    needed, optional = declared()
    parts = name.split(".")
    prefix = ".".join(parts[:2])
    if prefix in MODULES_OF_EXTRAS:
        fine = not at_once and MODULES_OF_EXTRAS[prefix] in optional
        return None if fine else "is of an extra and must be imported on use"
    if not at_once and (parts[0] in ONLY_IF_THERE or prefix in ONLY_IF_THERE):
        return None
    distribution = DISTRIBUTIONS.get(parts[0], parts[0]).lower()
    distribution = COME_WITH.get(distribution, distribution)
    if distribution in needed or (distribution in optional and not at_once):
        return None
    return "is not declared in pyproject.toml"


def test_everything_that_is_imported_is_declared():
    faults = {
        f"{where}: {name} {fault}"
        for name, where, at_once in imports()
        if (fault := fault_of(name, at_once=at_once))
    }
    assert not faults, "\n".join(sorted(faults))


@pytest.mark.parametrize("name", ["requests", "yaml.nodes"])
def test_a_module_that_nobody_declared_is_found(name):
    assert fault_of(name, at_once=False) == "is not declared in pyproject.toml"


def test_an_extra_is_imported_on_use_only():
    assert fault_of("opentelemetry.sdk.trace", at_once=False) is None
    assert fault_of("opentelemetry.sdk.trace", at_once=True)
