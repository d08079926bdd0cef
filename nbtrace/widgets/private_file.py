"""Writes a document that holds what a person's program said: for its owner only."""

from __future__ import annotations

from pathlib import Path


def write_private(path: str | Path, text: str) -> None:
    """Write a text to a file that only its owner may read.

    Parameters
    ----------
    path : str or Path
        The file; one that exists keeps its permissions.
    text : str
        What to write.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    file = Path(path)
    # made for its owner before anything is in it
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8", newline="\n")
