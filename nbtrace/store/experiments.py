"""Experiments: named groups of traces, each of which may keep its spans in a place of its own.

The functions take a connection or the database and know nothing of traces; `Store` is their public
face. Rules and messages follow MLflow's: ids are texts of ascending numbers, names are unique, and
``"0"`` is the default experiment, which the first migration makes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.entities.experiment import Experiment
from nbtrace.exceptions import NbtraceError
from nbtrace.store.location import checked_location
from nbtrace.store.tags import checked_tag

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nbtrace.store.database import Database

__all__ = ["add_experiment", "checked_name", "find_experiment"]

# MLflow's bound, kept so that an experiment can move to a server.
MAX_NAME_CHARACTERS = 500

_SELECT = (
    "SELECT experiment_id, name, artifact_location, lifecycle_stage, tags, creation_time,"
    " last_update_time FROM experiments WHERE "
)


def checked_name(name: object) -> str:
    """Return an experiment's name if it can be one.

    Parameters
    ----------
    name : object
        What a person gave.

    Returns
    -------
    str
        The name, unchanged.

    Raises
    ------
    NbtraceError
        If it is not a text, is blank or is longer than 500 characters.

    Examples
    --------
    >>> checked_name("retrieval")
    'retrieval'
    """
    if not isinstance(name, str):
        raise NbtraceError.invalid(
            f"an experiment's name must be a string, got {type(name).__name__}: {name!r:.100}"
        )
    if not name.strip():
        raise NbtraceError.invalid("an experiment's name must not be empty")
    if len(name) > MAX_NAME_CHARACTERS:
        raise NbtraceError.invalid(
            f"an experiment's name may have {MAX_NAME_CHARACTERS} characters, got {len(name)}"
        )
    return name


def add_experiment(
    database: Database,
    name: str,
    artifact_location: str | Path | None = None,
    tags: Mapping[str, Any] | None = None,
) -> str:
    """Add an experiment and return its id.

    Parameters
    ----------
    database : Database
        Where to.
    name : str
        A name that no experiment has.
    artifact_location : str or pathlib.Path, optional
        Directory or fsspec URL of its span files.
    tags : mapping of str to str, optional
        Its tags.

    Returns
    -------
    str
        The new id.

    Raises
    ------
    NbtraceError
        ``RESOURCE_ALREADY_EXISTS`` if the name is taken, ``INVALID_PARAMETER_VALUE`` if the name,
        the location or a tag cannot be used.
    """
    checked_name(name)
    location = None if artifact_location is None else checked_location(artifact_location)
    kept = dict(checked_tag(key, value) for key, value in (tags or {}).items())
    now = time.time_ns() // 1_000_000
    with database.transaction() as connection:
        taken = connection.execute(
            "SELECT lifecycle_stage FROM experiments WHERE name = ?", (name,)
        ).fetchone()
        if taken:
            hint = "" if taken[0] == "active" else ", deleted"
            raise NbtraceError.exists(
                f"there is an experiment named {name!r} already{hint}; "
                f"use set_experiment({name!r}) to work in it, or choose another name"
            )
        (number,) = connection.execute(
            "SELECT coalesce(max(CAST(experiment_id AS INTEGER)), 0) + 1 FROM experiments"
        ).fetchone()
        connection.execute(
            "INSERT INTO experiments VALUES (?, ?, ?, 'active', ?, ?, ?)",
            (str(number), name, location, now, now, orjson.dumps(kept).decode()),
        )
    return str(number)


def find_experiment(
    database: Database, *, experiment_id: str | None = None, name: str | None = None
) -> Experiment | None:
    """Return the experiment of an id or a name.

    Parameters
    ----------
    database : Database
        Where to look.
    experiment_id, name : str, optional
        One of the two.

    Returns
    -------
    Experiment or None
        ``None`` if there is none.
    """
    column, value = ("name", name) if experiment_id is None else ("experiment_id", experiment_id)
    with database.reading() as connection:
        row = connection.execute(f"{_SELECT}{column} = ?", (value,)).fetchone()
    if row is None:
        return None
    return Experiment(
        experiment_id=row[0],
        name=row[1],
        artifact_location=row[2],
        lifecycle_stage=row[3],
        tags=orjson.loads(row[4]),
        creation_time=row[5],
        last_update_time=row[6],
    )
