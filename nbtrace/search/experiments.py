"""Experiments of a store that satisfy a filter, in the language of traces with names of their own.

There are few experiments, so the whole filter is one WHERE over the table.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nbtrace.entities.paged_list import PagedList
from nbtrace.entities.view_type import ViewType
from nbtrace.exceptions import NbtraceError
from nbtrace.search.comparisons import TRUE, Fragment, compare
from nbtrace.search.fetching import fetch
from nbtrace.search.fields import UnknownFieldError
from nbtrace.search.lexer import filter_error, tokenize
from nbtrace.search.paging import decode_token, digest, encode_token
from nbtrace.search.parser import parse, split_name
from nbtrace.search.predicates import tree_of
from nbtrace.search.syntax import Condition, Field
from nbtrace.search.traces import check_limit
from nbtrace.store.experiments import EXPERIMENT_COLUMNS, experiment_of_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.entities import Experiment
    from nbtrace.store.store import Store

__all__ = ["search_experiments"]

_FIELDS: Final = {
    "experiment_id": Field("trace", "experiment_id", "text"),
    "name": Field("trace", "name", "text"),
    "creation_time": Field("trace", "creation_time", "time"),
    "last_update_time": Field("trace", "last_update_time", "time"),
}
_STAGES: Final = {
    ViewType.ACTIVE_ONLY: "lifecycle_stage = 'active'",
    ViewType.DELETED_ONLY: "lifecycle_stage = 'deleted'",
    ViewType.ALL: "1",
}
_NEWEST_FIRST: Final = ("creation_time DESC",)


def search_experiments(  # noqa: PLR0913 - MLflow's parameters
    store: Store,
    *,
    view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = 1_000,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
    page_token: str | None = None,
) -> PagedList[Experiment]:
    """Return a page of the experiments that satisfy a filter.

    Parameters
    ----------
    store : Store
        Where to look.
    view_type : int
        One of `ViewType`: those in use, those deleted, or both.
    max_results : int
        How many at most, from 1 to 50,000.
    filter_string : str or None
        On ``name``, ``tags.<key>``, ``creation_time`` and ``last_update_time``; all without.
    order_by : sequence of str or None
        Such as ``["name ASC"]``; newest first without.
    page_token : str or None
        The token of the page before.

    Returns
    -------
    PagedList of Experiment
        With the ``token`` of the next page.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for an argument that cannot work.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from nbtrace.store.store import Store
    >>> with tempfile.TemporaryDirectory() as name:
    ...     store = Store(Path(name, ".nbtrace"))
    ...     print([found.name for found in search_experiments(store)])
    ...     store.close()
    ['Default']
    """
    check_limit(max_results)
    stage = _STAGES.get(view_type)
    if stage is None:
        message = (
            "view_type must be ViewType.ACTIVE_ONLY (1), DELETED_ONLY (2) or ALL (3), "
            f"got {view_type!r}"
        )
        raise NbtraceError.invalid(message)
    tree = parse(filter_string, names=_names)
    where = TRUE if tree is None else tree_of(tree, _condition)
    order = [_order(term) for term in order_by or _NEWEST_FIRST]
    search = digest(view_type, filter_string, list(order_by or ()))
    # The place of a page is how many lie before it: experiments are few and rarely made.
    start = decode_token(page_token, search, 1)
    offset = start.offset if start.place is None else int(start.place[0])
    with store.database.reading() as connection:
        rows = fetch(
            connection,
            f"SELECT {EXPERIMENT_COLUMNS} FROM experiments WHERE {stage} AND {where.sql}"
            f" ORDER BY {', '.join(term.sql for term in order)},"
            " CAST(experiment_id AS INTEGER) DESC LIMIT ? OFFSET ?",
            (
                *where.parameters,
                *(item for term in order for item in term.parameters),
                max_results + 1,
                offset,
            ),
        )
    more = len(rows) > max_results
    token = encode_token((offset + max_results,), search) if more else None
    return PagedList(map(experiment_of_row, rows[:max_results]), token)


def _names(entity: str | None, key: str) -> Field:
    if entity in {"tag", "tags"} and key:
        return Field("tag", key, "text")
    found = _FIELDS.get(key) if entity in {None, "attribute", "attributes"} else None
    if found is None:
        name = key if entity is None else f"{entity}.{key}"
        raise UnknownFieldError(
            f"unknown field '{name}'", f"one of {', '.join(_FIELDS)}; or tags.<key>"
        )
    return found


def _value(field: Field) -> Fragment:
    if field.scope == "tag":
        return Fragment("(SELECT j.atom FROM json_each(tags) j WHERE j.key = ?)", (field.name,))
    return Fragment(field.name)


def _condition(condition: Condition) -> Fragment:
    value = _value(condition.field)
    compared = compare(value.sql, condition.operator, condition.value)
    return Fragment(compared.sql, value.parameters + compared.parameters)


def _order(term: str) -> Fragment:
    tokens = [token for token in tokenize(term) if token.kind != "end"]
    direction = tokens[-1].text.upper() if len(tokens) > 1 else "ASC"
    expected = "a name and ASC or DESC, such as name DESC"
    if not tokens or len(tokens) > 2 or direction not in {"ASC", "DESC"}:  # noqa: PLR2004 - these two
        raise filter_error(term, 0, "this is no order", expected)
    try:
        value = _value(_names(*split_name(tokens[0])))
    except UnknownFieldError as error:
        raise filter_error(term, tokens[0].start, error.problem, error.expected) from None
    return Fragment(f"{value.sql} {direction} NULLS LAST", value.parameters)
