"""Experiments: named groups of traces, each of which may keep its spans in a place of its own.

The functions take a connection or the database and know nothing of traces; `Store` is their public
face. Rules and messages follow MLflow's: ids are texts of ascending numbers, names are unique, and
``"0"`` is the default experiment, which the first migration makes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.entities.checks import checked_mapping
from nbtrace.entities.experiment import Experiment
from nbtrace.exceptions import NbtraceError
from nbtrace.store.location import checked_location
from nbtrace.store.tags import checked_tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nbtrace.store.database import Database

__all__ = [
    "EXPERIMENT_COLUMNS",
    "add_experiment",
    "change_experiment",
    "change_experiment_tag",
    "checked_name",
    "experiment_of_row",
    "find_experiment",
]

# MLflow's bound, kept so that an experiment can move to a server.
MAX_NAME_CHARACTERS = 500

# What `experiment_of_row` reads, in its order, to be put after SELECT.
EXPERIMENT_COLUMNS = (
    "experiment_id, name, artifact_location, lifecycle_stage, tags, creation_time, last_update_time"
)
# Every store has it, and what belongs nowhere else goes there.
DEFAULT_ID = "0"


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
    kept = dict(checked_tag(key, value) for key, value in checked_mapping("tags", tags).items())
    now = time.time_ns() // 1_000_000
    with database.transaction() as connection:
        taken = connection.execute(
            "SELECT lifecycle_stage FROM experiments WHERE name = ?", (name,)
        ).fetchone()
        if taken:
            raise _taken(name, taken[0])
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
        row = connection.execute(
            f"SELECT {EXPERIMENT_COLUMNS} FROM experiments WHERE {column} = ?",  # noqa: S608 - ours
            (value,),
        ).fetchone()
    return None if row is None else experiment_of_row(row)


def experiment_of_row(row: Sequence[Any]) -> Experiment:
    """Return the experiment of a row.

    Parameters
    ----------
    row : sequence
        The columns `EXPERIMENT_COLUMNS`.

    Examples
    --------
    >>> experiment_of_row(("1", "prompts", None, "active", '{"team":"a"}', 0, 0)).tags
    {'team': 'a'}
    """
    return Experiment(
        experiment_id=row[0],
        name=row[1],
        artifact_location=row[2],
        lifecycle_stage=row[3],
        tags=orjson.loads(row[4]),
        creation_time=row[5],
        last_update_time=row[6],
    )


def change_experiment(
    database: Database, experiment_id: str, *, name: str | None = None, stage: str | None = None
) -> None:
    """Rename an experiment, delete it, or bring it back.

    Parameters
    ----------
    database : Database
        Where it is.
    experiment_id : str
        Which.
    name : str, optional
        Its new name.
    stage : {"active", "deleted"}, optional
        Its new stage. A deleted experiment keeps its name and its traces.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is none with this id in a stage that can change so,
        ``RESOURCE_ALREADY_EXISTS`` if the name is taken, ``INVALID_PARAMETER_VALUE`` for a name
        that cannot be one, and for deleting the default experiment.
    """
    if stage == "deleted" and experiment_id == DEFAULT_ID:
        raise NbtraceError.invalid(
            "the default experiment cannot be deleted; delete_traces empties it"
        )
    now = time.time_ns() // 1_000_000
    with database.transaction() as connection:
        row = connection.execute(
            "SELECT lifecycle_stage FROM experiments WHERE experiment_id = ?", (experiment_id,)
        ).fetchone()
        needed = "deleted" if stage == "active" else "active"
        if row is None or row[0] != needed:
            raise NbtraceError.missing(
                f"there is no {needed} experiment with id {experiment_id!r} in "
                f"{database.path.parent}; search_experiments(view_type=3) lists all there are"
            )
        if name is not None:
            taken = connection.execute(
                "SELECT lifecycle_stage FROM experiments WHERE name = ? AND experiment_id != ?",
                (checked_name(name), experiment_id),
            ).fetchone()
            if taken:
                raise _taken(name, taken[0])
        connection.execute(
            "UPDATE experiments SET name = coalesce(?, name),"
            " lifecycle_stage = coalesce(?, lifecycle_stage), last_update_time = ?"
            " WHERE experiment_id = ?",
            (name, stage, now, experiment_id),
        )


def change_experiment_tag(
    database: Database, experiment_id: str, key: str, value: object | None
) -> None:
    """Set or delete a tag of an experiment.

    Parameters
    ----------
    database : Database
        Where it is.
    experiment_id : str
        Which.
    key : str
        The tag's key.
    value : object or None
        A text; other things become their ``str``. ``None`` deletes.

    Raises
    ------
    NbtraceError
        ``RESOURCE_DOES_NOT_EXIST`` if there is no such experiment or, to delete, no such tag,
        ``INVALID_PARAMETER_VALUE`` for a key that cannot be used.
    """
    key, text = checked_tag(key, "" if value is None else value)
    now = time.time_ns() // 1_000_000
    with database.transaction() as connection:
        row = connection.execute(
            "SELECT tags FROM experiments WHERE experiment_id = ?", (experiment_id,)
        ).fetchone()
        if row is None:
            raise NbtraceError.missing(
                f"there is no experiment with id {experiment_id!r} in {database.path.parent}"
            )
        tags: dict[str, str] = orjson.loads(row[0])
        if value is not None:
            tags[key] = text
        elif tags.pop(key, None) is None:
            raise NbtraceError.missing(
                f"the experiment {experiment_id!r} has no tag {key!r}; it has "
                f"{', '.join(map(repr, tags)) or 'no tags'}"
            )
        connection.execute(
            "UPDATE experiments SET tags = ?, last_update_time = ? WHERE experiment_id = ?",
            (orjson.dumps(tags).decode(), now, experiment_id),
        )


def _taken(name: str, stage: str) -> NbtraceError:
    if stage == "active":
        return NbtraceError.exists(
            f"there is an experiment named {name!r} already; "
            f"use set_experiment({name!r}) to work in it, or choose another name"
        )
    return NbtraceError.exists(
        f"a deleted experiment is named {name!r}; MlflowClient().restore_experiment(...) brings it "
        "back, or choose another name"
    )
