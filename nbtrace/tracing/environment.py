"""What this process knows of itself: its source, its commit, its resource, its experiment.

Read once, on the writer's thread where that will do. The git commit is read from ``.git`` directly:
starting ``git`` costs more than a cell.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from nbtrace.config import __version__
from nbtrace.entities.constant import TraceTagKey
from nbtrace.exceptions import NbtraceError
from nbtrace.otel.otlp import encode_attributes
from nbtrace.store.location import is_network_path
from nbtrace.tracing.texts import plain_text
from nbtrace.tracing.values import encode_each

if TYPE_CHECKING:
    from nbtrace.store.store import Store

logger = logging.getLogger("nbtrace")

SCOPE_NAME = "nbtrace"
DEFAULT_EXPERIMENT_ID = "0"
# `.git` is looked for this far up; deeper trees are rare and a missing commit is no harm.
MAX_PARENTS = 32


class Source:
    """Where traces come from, set by the notebook extension.

    Attributes
    ----------
    name : str or None
        Path of the notebook or script; None to work it out.
    kind : str
        MLflow's source type, ``NOTEBOOK`` or ``LOCAL``.
    """

    name: str | None = None
    kind: str | None = None


def in_kernel() -> bool:
    """Return whether this process is a Jupyter kernel or an interactive IPython."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython, "get_ipython", lambda: None)() is not None


def standard_tags() -> dict[str, str]:
    """Return the tags that every trace of this process gets.

    Returns
    -------
    dict
        Source name and type, and the git commit where there is one.
    """
    tags = {
        TraceTagKey.SOURCE_NAME: Source.name or _script(),
        TraceTagKey.SOURCE_TYPE: Source.kind or ("NOTEBOOK" if in_kernel() else "LOCAL"),
    }
    commit = git_commit(Path.cwd()) if _cwd_exists() else None
    if commit:
        tags[TraceTagKey.SOURCE_GIT_COMMIT] = commit
    return tags


def _cwd_exists() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _script() -> str:
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None) or (sys.argv[0] if sys.argv else "")
    return Path(path).name if path else "python"


def git_commit(directory: Path) -> str | None:
    """Return the commit that is checked out at a directory, None outside a repository.

    Parameters
    ----------
    directory : Path
        Where to look, and upward from there.
    """
    with suppress(OSError, ValueError):
        for folder in [directory, *directory.parents][:MAX_PARENTS]:
            git = folder / ".git"
            if git.is_file():  # a work tree or a submodule names the real directory
                git = (folder / git.read_text().partition("gitdir:")[2].strip()).resolve()
            if git.is_dir():
                return _head(git)
    return None


def _head(git: Path) -> str | None:
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return head or None
    name = head.removeprefix("ref: ")
    common = git
    with suppress(OSError):
        common = (git / (git / "commondir").read_text().strip()).resolve()
    for root in (git, common):
        with suppress(OSError):
            return (root / name).read_text().strip() or None
    for line in (common / "packed-refs").read_text().splitlines():
        commit, _, ref = line.partition(" ")
        if ref == name:
            return commit
    return None


@functools.lru_cache(maxsize=1)
def own_scope() -> tuple[bytes, bytes]:
    """Return nbtrace's own resource and scope as OTLP/JSON.

    The resource follows OpenTelemetry's ``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES``.
    """
    attributes: dict[str, str] = {}
    for pair in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        key, separator, value = pair.partition("=")
        if separator and key.strip():
            from urllib.parse import unquote  # seldom set, and slow to import

            attributes[key.strip()] = unquote(value.strip())
    service = os.environ.get("OTEL_SERVICE_NAME", "").strip()
    if service:
        attributes["service.name"] = service
    attributes.setdefault("service.name", "nbtrace")
    attributes["telemetry.sdk.language"] = "python"
    attributes["telemetry.sdk.name"] = "nbtrace"
    attributes["telemetry.sdk.version"] = __version__
    resource = orjson.dumps({"attributes": encode_attributes(encode_each(attributes))})
    return resource, orjson.dumps({"name": SCOPE_NAME, "version": __version__})


def mapping_is_safe(directory: Path) -> bool:
    """Return whether journals in a directory may be memory-mapped."""
    return sys.platform != "win32" and not is_network_path(directory)


class ActiveExperiment:
    """The experiment that new traces go to, chosen by ``set_experiment``."""

    experiment_id: str | None = None


def active_experiment_id(store: Store) -> str:
    """Return the experiment that new traces go to.

    ``set_experiment`` wins over ``NBTRACE_EXPERIMENT_ID`` over ``NBTRACE_EXPERIMENT_NAME``.
    """
    if ActiveExperiment.experiment_id is not None:
        return ActiveExperiment.experiment_id
    chosen = os.environ.get("NBTRACE_EXPERIMENT_ID", "").strip()
    if chosen:
        return chosen
    name = os.environ.get("NBTRACE_EXPERIMENT_NAME", "").strip()
    if name:
        try:
            return store.ensure_experiment(plain_text(name)).experiment_id
        except (
            NbtraceError,
            OSError,
        ) as error:  # a full disk must not stop traced code
            logger.warning("the experiment %r could not be used: %s", name, error)
    return DEFAULT_EXPERIMENT_ID
