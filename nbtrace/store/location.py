"""Where the store is, and on what kind of disk.

`resolve_directory` decides once per process: ``$NBTRACE_DIR``, else the nearest ``.nbtrace`` upward
from the working directory that belongs to this user and that nobody else may write, else one in the
working directory. The search stops after the root of a git work tree, before the home directory and
at the edge of the file system, so that a store further up, for another project or planted by
somebody else in a shared directory, is never picked up by accident. The answer goes into
``NBTRACE_DIR`` for child processes, wherever they work.

`is_network_path` tells a network file system, on which memory-mapped files are not shared between
machines, so that SQLite must not use WAL there.
"""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path, PurePath

from nbtrace.exceptions import NbtraceError
from nbtrace.store.errors import StoreUnavailable

__all__ = [
    "DIRECTORY_NAME",
    "ENVIRONMENT_VARIABLE",
    "is_network_path",
    "make_private_directory",
    "prepare_directory",
    "reset_directory",
    "resolve_directory",
]

DIRECTORY_NAME = ".nbtrace"
ENVIRONMENT_VARIABLE = "NBTRACE_DIR"
# Traces hold prompts and answers: nobody but the owner reads them.
DIRECTORY_MODE = 0o700
FILE_MODE = 0o600

# File systems whose pages are not shared between machines (or between a virtual machine and its
# host), or whose locks are of doubtful worth. FUSE as a whole is among them, for s3fs, sshfs,
# gcsfuse and their like, except what is a disk beneath (fuseblk is ntfs-3g).
_NETWORK_TYPES = frozenset(
    {
        "9p", "afs", "acfs", "beegfs", "ceph", "cifs", "coda", "drvfs", "fuse", "gfs", "gfs2",
        "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs3", "nfs4", "ocfs2", "orangefs",
        "panfs", "prl_fs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
        "wekafs",
    }
)  # fmt: skip

_lock = threading.Lock()
_resolved: Path | None = None
_environment_set_here = False


def resolve_directory() -> Path:
    """Return the directory of this process's store; nothing is made.

    Returns
    -------
    pathlib.Path
        An absolute path, the same for the life of the process.

    Raises
    ------
    StoreUnavailable
        If the working directory is gone, or holds a ``.nbtrace`` that other users may write.

    Examples
    --------
    >>> resolve_directory().is_absolute()
    True
    """
    global _resolved, _environment_set_here  # noqa: PLW0603 - one answer for the whole process
    with _lock:
        if _resolved is None:
            chosen = os.environ.get(ENVIRONMENT_VARIABLE, "").strip()
            if chosen:
                _resolved = Path(os.path.abspath(Path(chosen).expanduser()))  # noqa: PTH100
            else:
                _resolved = find_directory(_working_directory(), home=_home())
                _environment_set_here = True
            os.environ[ENVIRONMENT_VARIABLE] = str(_resolved)
        return _resolved


def reset_directory() -> None:
    """Forget what `resolve_directory` has decided, and take it out of the environment again.

    A ``NBTRACE_DIR`` that was set from outside stays. For tests.

    Examples
    --------
    >>> reset_directory()
    """
    global _resolved, _environment_set_here  # noqa: PLW0603 - see resolve_directory
    with _lock:
        if _environment_set_here:
            os.environ.pop(ENVIRONMENT_VARIABLE, None)
        _resolved = None
        _environment_set_here = False


def find_directory(start: Path, *, home: Path | None) -> Path:
    """Return the store that belongs to a working directory.

    Parameters
    ----------
    start : pathlib.Path
        The working directory, absolute.
    home : pathlib.Path or None
        The user's home directory, which is not searched.

    Returns
    -------
    pathlib.Path
        The nearest usable ``.nbtrace`` upward, or ``start / ".nbtrace"`` where there is none.

    Raises
    ------
    StoreUnavailable
        If none was found and ``start / ".nbtrace"`` exists but may be written by others.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     find_directory(Path(name), home=Path(name)).name
    '.nbtrace'
    """
    for directory in _searched(start, home):
        candidate = directory / DIRECTORY_NAME
        if _objection(candidate) is None:
            return candidate
    made = start / DIRECTORY_NAME
    objection = _objection(made)
    if objection and os.path.lexists(made):
        raise StoreUnavailable(
            f"{made} cannot be the store: {objection}; correct that or set "
            f"{ENVIRONMENT_VARIABLE} to another directory"
        )
    return made


def _searched(start: Path, home: Path | None) -> list[Path]:
    found: list[Path] = []
    try:
        device = start.stat().st_dev
        for directory in (start, *start.parents):
            if (home is not None and directory == home) or directory.stat().st_dev != device:
                break
            found.append(directory)
            if os.path.lexists(directory / ".git"):
                break
    except OSError:
        # A directory above that cannot be looked into is an edge as well.
        pass
    return found


def _objection(candidate: Path) -> str | None:
    """Say why a directory cannot be the store, or return ``None`` if it can."""
    try:
        link = candidate.lstat()
        target = candidate.stat()
    except OSError as error:
        return f"it cannot be looked at ({error.strerror})"
    if not stat.S_ISDIR(target.st_mode):
        return "it is not a directory"
    if not hasattr(os, "getuid"):
        return None  # Windows: access lists, not owner and mode; the profile is private by default
    if {link.st_uid, target.st_uid} != {os.getuid()}:
        return "it belongs to another user"
    if target.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "other users may write it (chmod 700 takes that away)"
    return None


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        raise StoreUnavailable(
            f"the working directory is gone ({error.strerror}); change to one that exists or set "
            f"{ENVIRONMENT_VARIABLE}"
        ) from None


def _home() -> Path | None:
    try:
        return Path.home().resolve()
    except (OSError, RuntimeError):
        return None


def prepare_directory(directory: Path) -> None:
    r"""Make the store's directory, private to its owner and ignored by git.

    Parameters
    ----------
    directory : pathlib.Path
        What `resolve_directory` returned.

    Raises
    ------
    StoreUnavailable
        If it cannot be made or is not a directory.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     prepare_directory(Path(name, ".nbtrace"))
    ...     Path(name, ".nbtrace", ".gitignore").read_text()
    '*\n'
    """
    try:
        make_private_directory(directory)
        ignore = directory / ".gitignore"
        if not ignore.exists():
            descriptor = os.open(ignore, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
            with os.fdopen(descriptor, "w", encoding="ascii", newline="\n") as file:
                file.write("*\n")
    except OSError as error:
        if not directory.is_dir():
            raise StoreUnavailable(
                f"the store {directory} cannot be made: {error}; set {ENVIRONMENT_VARIABLE} to a "
                "directory that may be written"
            ) from None
        # A store that exists can be read without its .gitignore.


def make_private_directory(directory: str | PurePath) -> None:
    """Make a directory and what is missing above it, each with mode 0700.

    Parameters
    ----------
    directory : str or pathlib.PurePath
        A local path.

    Raises
    ------
    OSError
        If it cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     make_private_directory(Path(name, "a", "b"))
    ...     oct(Path(name, "a").stat().st_mode & 0o777)
    '0o700'
    """
    missing = []
    path = Path(directory)
    while not path.is_dir():
        missing.append(path)
        if path == path.parent:
            break
        path = path.parent
    for path in reversed(missing):
        path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)


def is_network_path(path: str | PurePath, *, mounts: str = "/proc/self/mounts") -> bool:
    """Tell whether a path is on a network file system.

    Parameters
    ----------
    path : str or pathlib.PurePath
        A local path, existing or not.
    mounts : str
        The kernel's list of mounts.

    Returns
    -------
    bool
        ``False`` where it cannot be told, as on macOS and Windows.

    Examples
    --------
    >>> is_network_path("/", mounts="/nowhere")
    False
    """
    kind = _file_system(os.path.realpath(path), mounts)
    return kind in _NETWORK_TYPES or kind.startswith("fuse.")


def _file_system(path: str, mounts: str) -> str:
    """Return the type of the file system that holds a path, "" if unknown."""
    try:
        text = Path(mounts).read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""
    best, kind = "", ""
    for line in text.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:  # noqa: PLR2004 - device, mount point, type
            continue
        point = _unescape(fields[1])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        # A later line covers an earlier one on the same point.
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


def _unescape(point: str) -> str:
    """Undo the kernel's octal escapes of space, tab, newline and backslash."""
    for escape, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(escape, character)
    return point


def checked_location(location: str | PurePath) -> str:
    """Return a span location as it is stored: a URL as given, a directory as an absolute path.

    Parameters
    ----------
    location : str or pathlib.PurePath
        A directory, or a URL that fsspec understands, such as ``s3://bucket/traces``.

    Returns
    -------
    str
        The location without a trailing slash.

    Raises
    ------
    NbtraceError
        If it is empty or looks like a URL with its slashes missing.

    Examples
    --------
    >>> checked_location("s3://bucket/traces/")
    's3://bucket/traces'
    """
    if not isinstance(location, str | PurePath):
        raise NbtraceError.invalid(
            f"artifact_location must be a directory or a URL, got {type(location).__name__}"
        )
    text = str(location).strip()
    if not text or "\0" in text:
        raise NbtraceError.invalid("artifact_location must be a directory or a URL, got none")
    scheme, separator, rest = text.partition(":")
    # A single letter is a Windows drive.
    if separator and len(scheme) > 1 and scheme.replace("+", "").replace("-", "").isalnum():
        if not rest.startswith("//"):
            raise NbtraceError.invalid(
                f"artifact_location {text!r} is neither a directory nor a URL; write "
                f"{scheme}://{rest.lstrip('/')}, or ./{text} for a directory of that name"
            )
        return text.rstrip("/") if rest.strip("/") else text
    return os.path.abspath(Path(text).expanduser())  # noqa: PTH100 - no look at the disk
