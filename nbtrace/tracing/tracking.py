"""``set_tracking_uri`` and ``get_tracking_uri``: MLflow's way of saying where traces go.

Here it chooses the store. A server's address does not: traces stay on this machine unless they are
sent on, which is a thing of its own.
"""

from __future__ import annotations

import os
import urllib.parse
import urllib.request
import warnings
from pathlib import Path

from nbtrace.exceptions import NbtraceError
from nbtrace.store import current_store, reset_store
from nbtrace.store.location import DIRECTORY_NAME, ENVIRONMENT_VARIABLE
from nbtrace.store.store import DATABASE_NAME
from nbtrace.tracing.environment import ActiveExperiment
from nbtrace.tracing.recorder import reset_recorder

_SERVERS = frozenset({"http", "https", "databricks", "databricks-uc", "uc"})


def set_tracking_uri(uri: str | os.PathLike[str] | None) -> None:
    """Choose the store that traces go to from here on.

    Parameters
    ----------
    uri : str or os.PathLike
        A directory, ``file:`` or ``sqlite:///<file>``: the store is ``.nbtrace`` in that directory,
        or the directory itself where it is a store. An ``http:`` or ``https:`` address changes
        nothing but says so. "" or None chooses the one nbtrace would use by itself.

    Raises
    ------
    NbtraceError
        For anything else.

    Examples
    --------
    >>> import nbtrace
    >>> nbtrace.set_tracking_uri(nbtrace.get_tracking_uri())
    """
    text = _as_text(uri) if uri is not None else ""
    scheme = urllib.parse.urlsplit(text).scheme
    if scheme in _SERVERS or text in _SERVERS:
        warnings.warn(
            f"traces stay in {current_store().directory}; to send them to {text} as well, call "
            f"nbtrace.forward({text!r})",
            stacklevel=2,
        )
        return
    directory = _directory(text) if text else None
    reset_recorder()
    reset_store()
    ActiveExperiment.experiment_id = None
    if directory is None:
        os.environ.pop(ENVIRONMENT_VARIABLE, None)
    else:
        os.environ[ENVIRONMENT_VARIABLE] = str(directory)


def names_current_store(uri: str | os.PathLike[str]) -> bool:
    """Return whether an address is that of the store in use.

    Parameters
    ----------
    uri : str or os.PathLike
        As for `set_tracking_uri`; a server's address is of no store.

    Raises
    ------
    NbtraceError
        For what cannot be an address.
    """
    text = _as_text(uri)
    if urllib.parse.urlsplit(text).scheme in _SERVERS or text in _SERVERS:
        return False
    return _directory(text) == current_store().directory


def _as_text(uri: object) -> str:
    if not isinstance(uri, str | os.PathLike):
        msg = f"a store is a directory or sqlite:///<file>, got {uri!r}"
        raise NbtraceError.invalid(msg)
    return str(os.fspath(uri))


def _directory(text: str) -> Path:
    parts = urllib.parse.urlsplit(text)
    if parts.scheme == "sqlite":
        file = parts.path.removeprefix("/")
        if not file or file == ":memory:":
            msg = f"{text!r} names no file; give sqlite:///<file> or a directory"
            raise NbtraceError.invalid(msg)
        return _store_in(Path(file).expanduser().absolute().parent)
    if parts.scheme == "file":
        return _store_in(Path(urllib.request.url2pathname(parts.path)))
    # A single letter is a Windows drive.
    if len(parts.scheme) > 1 and "://" in text:
        msg = f"{text!r} cannot be a store; give a directory, sqlite:///<file> or nothing"
        raise NbtraceError.invalid(msg)
    return _store_in(Path(text).expanduser().absolute())


def _store_in(directory: Path) -> Path:
    is_store = directory.name == DIRECTORY_NAME or (directory / DATABASE_NAME).exists()
    return directory if is_store else directory / DIRECTORY_NAME


def get_tracking_uri() -> str:
    """Return where traces go, as a ``file:`` address of the store's directory.

    Examples
    --------
    >>> import nbtrace
    >>> nbtrace.get_tracking_uri().startswith("file:")
    True
    """
    return current_store().directory.as_uri()
