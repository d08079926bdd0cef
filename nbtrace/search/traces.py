"""Traces of a store that satisfy a filter, page by page.

A page is found in two steps: the keys of its traces, by the SQL of `nbtrace.search.query`, then
their rows and, where wanted, their spans.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from nbtrace.entities.checks import checked_items
from nbtrace.entities.constant import TraceMetadataKey
from nbtrace.exceptions import NbtraceError
from nbtrace.search.fetching import fetch
from nbtrace.search.paging import decode_token, digest, encode_token
from nbtrace.search.parser import parse
from nbtrace.search.query import Query
from nbtrace.search.syntax import Condition, Field, conditions
from nbtrace.store.text_index import catch_up

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from nbtrace.entities import Trace
    from nbtrace.store.store import Store

__all__ = ["Page", "TraceFacts", "count_traces", "every_trace", "load_traces", "search_traces"]

# MLflow's bound on a local store; a page is held in memory as a whole.
MAX_RESULTS = 50_000
DEFAULT_RESULTS = 100
# Traces fetched at a time when all are wanted.
TRACES_AT_ONCE = 1_000


class TraceFacts(NamedTuple):
    """What the database knows of a trace beside its `TraceInfo`.

    Attributes
    ----------
    name : str or None
        Name of the trace.
    span_count : int
        Number of its spans.
    tokens : int or None
        Tokens of all its spans, ``None`` when unknown.
    cost : float or None
        US dollars, ``None`` when unknown.
    """

    name: str | None
    span_count: int
    tokens: int | None
    cost: float | None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search.

    Attributes
    ----------
    traces : list of Trace
        In the order of the search.
    token : str or None
        What gives the next page; ``None`` when this is the last.
    facts : dict of str to TraceFacts
        By trace id.
    """

    traces: list[Trace]
    token: str | None
    facts: dict[str, TraceFacts] = field(default_factory=dict)


def search_traces(  # noqa: PLR0913 - MLflow's parameters
    store: Store,
    *,
    filter_string: str | None = None,
    locations: Sequence[str] | None = None,
    max_results: int = DEFAULT_RESULTS,
    order_by: Sequence[str] | None = None,
    page_token: str | None = None,
    include_spans: bool = True,
    run_id: str | None = None,
    model_id: str | None = None,
) -> Page:
    """Return one page of the traces that satisfy a filter.

    Parameters
    ----------
    store : Store
        Where to look.
    filter_string : str or None
        A filter; all traces without.
    locations : sequence of str or None
        Ids or names of experiments; all of the store without.
    max_results : int
        Traces of the page, from 1 to 50,000.
    order_by : sequence of str or None
        Such as ``["execution_time DESC"]``; newest first without.
    page_token : str or None
        The `Page.token` of the page before.
    include_spans : bool
        Whether to read the span files.
    run_id : str or None
        Only the traces of this run.
    model_id : str or None
        Only the traces of this model; not together with a filter.

    Returns
    -------
    Page
        The traces and the token of the next page.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for a filter, an order, a token or a number that cannot work.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from nbtrace.store.store import Store
    >>> with tempfile.TemporaryDirectory() as name:
    ...     store = Store(Path(name, ".nbtrace"))
    ...     print(search_traces(store, filter_string="state = 'ERROR'").traces)
    ...     store.close()
    []
    """
    check_limit(max_results)
    extra = extra_conditions(filter_string, run_id, model_id)
    ids = experiment_ids(store, locations)
    query = Query(filter_string, ids, order_by, extra=extra)
    if query.reads_text:
        catch_up(store)
    search = digest(filter_string, ids, order_by, run_id, model_id)
    token = decode_token(page_token, search, len(query.order))
    with store.database.reading() as connection:
        # One more than asked for says whether there is a next page.
        rows = query.page(connection, max_results + 1, token.place, token.offset)
    following = encode_token(rows[max_results - 1], search) if len(rows) > max_results else None
    keys = [row[-1] for row in rows[:max_results]]
    traces, facts = load_traces(store, keys, include_spans=include_spans)
    return Page(traces, following, facts)


def every_trace(store: Store, **search: Any) -> Page:
    """Return all traces that satisfy a filter as one page.

    Parameters
    ----------
    store : Store
        Where to look.
    **search
        As `search_traces` takes it, but for `max_results` and `page_token`.

    Returns
    -------
    Page
        Without a token.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` as there.
    """
    whole = Page([], None)
    token = None
    while True:
        page = search_traces(store, max_results=TRACES_AT_ONCE, page_token=token, **search)
        whole.traces.extend(page.traces)
        whole.facts.update(page.facts)
        token = page.token
        if token is None:
            return whole


def count_traces(
    store: Store,
    filter_string: str | None = None,
    locations: Sequence[str] | None = None,
) -> int:
    """Return how many traces satisfy a filter.

    Parameters
    ----------
    store : Store
        Where to look.
    filter_string : str or None
        A filter; all traces without.
    locations : sequence of str or None
        Ids or names of experiments; all of the store without.

    Returns
    -------
    int
        The exact number.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for a filter that cannot work.
    """
    query = Query(filter_string, experiment_ids(store, locations))
    if query.reads_text:
        catch_up(store)
    with store.database.reading() as connection:
        return query.count(connection)


def load_traces(
    store: Store, keys: Sequence[int], *, include_spans: bool
) -> tuple[list[Trace], dict[str, TraceFacts]]:
    """Return traces by their keys, and what the database knows of each besides.

    Parameters
    ----------
    store : Store
        Where they are.
    keys : sequence of int
        ``traces.id``; one that is gone is left out.
    include_spans : bool
        Whether to read the span files.

    Returns
    -------
    tuple of (list of Trace, dict of str to TraceFacts)
        The traces in the order of the keys.
    """
    from nbtrace.entities.trace import Trace
    from nbtrace.entities.trace_data import TraceData

    infos = store.trace_infos(keys)
    with store.database.reading() as connection:
        facts = _facts(connection, keys)
    traces = [
        Trace(info, TraceData(store.get_spans(info) if include_spans else [])) for info in infos
    ]
    return traces, facts


def experiment_ids(
    store: Store, locations: Sequence[str | int] | str | None
) -> tuple[str, ...] | None:
    """Return the ids of experiments that are named by id or by name.

    Parameters
    ----------
    store : Store
        Where they are.
    locations : sequence of str or int, str or None
        Ids or names; an id goes before a name.

    Returns
    -------
    tuple of str or None
        Ids; what is neither stays as it is and finds nothing. For ``None`` those that are not
        deleted, ``None`` where none is.
    """
    if locations is None:
        return _active_experiments(store)
    wanted = (
        [locations] if isinstance(locations, str) else list(checked_items("locations", locations))
    )
    for item in wanted:
        if not isinstance(item, str | int):
            message = f"locations takes ids of experiments as texts, got {item!r}"
            raise NbtraceError.invalid(message)
    with store.database.reading() as connection:
        rows = fetch(connection, "SELECT experiment_id, name FROM experiments")
    known = {row[0] for row in rows}
    named = {row[1]: row[0] for row in rows}
    texts = [str(item) for item in wanted]
    return tuple(text if text in known else named.get(text, text) for text in texts)


def _active_experiments(store: Store) -> tuple[str, ...] | None:
    with store.database.reading() as connection:
        rows = fetch(
            connection, "SELECT experiment_id, lifecycle_stage = 'active' FROM experiments"
        )
    # No condition where none is needed: the searches without one are the fast ones.
    return None if all(row[1] for row in rows) else tuple(row[0] for row in rows if row[1])


def check_limit(max_results: object) -> None:
    """Raise unless a number of results is one.

    Parameters
    ----------
    max_results : object
        What a person gave.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` unless it is a whole number from 1 to 50,000.
    """
    valid = isinstance(max_results, int) and not isinstance(max_results, bool)
    if not valid or not 1 <= max_results <= MAX_RESULTS:  # type: ignore[operator]
        message = (
            f"Invalid value {max_results!r} for parameter 'max_results' supplied. It must be a "
            f"whole number from 1 to {MAX_RESULTS:,}; use page_token for what comes after."
        )
        raise NbtraceError.invalid(message)


def extra_conditions(
    filter_string: str | None, run_id: str | None, model_id: str | None
) -> tuple[Condition, ...]:
    """Return the conditions that MLflow's ``run_id`` and ``model_id`` stand for.

    Parameters
    ----------
    filter_string : str or None
        The filter they are given with.
    run_id, model_id : str or None
        The run and the model.

    Returns
    -------
    tuple of Condition
        To hold besides the filter.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` when the filter says the same or excludes them.
    """
    found = []
    if run_id is not None:
        source = Field("metadata", TraceMetadataKey.SOURCE_RUN, "text")
        tree = parse(filter_string)
        if tree is not None and any(item.field == source for item in conditions(tree)):
            message = (
                "run_id cannot be given together with a filter on metadata.`mlflow.sourceRun`; "
                "keep one of the two"
            )
            raise NbtraceError.invalid(message)
        found.append(Condition(Field("trace", "run_id", "text"), "=", str(run_id)))
    if model_id is not None:
        if filter_string:
            message = (
                "model_id cannot be given together with filter_string; write the filter as "
                f"metadata.`{TraceMetadataKey.MODEL_ID}` = '{model_id}' AND ..."
            )
            raise NbtraceError.invalid(message)
        found.append(
            Condition(Field("metadata", TraceMetadataKey.MODEL_ID, "text"), "=", str(model_id))
        )
    return tuple(found)


def _facts(connection: sqlite3.Connection, keys: Sequence[int]) -> dict[str, TraceFacts]:
    listed = "[" + ",".join(map(str, keys)) + "]"
    rows: list[tuple[Any, ...]] = fetch(
        connection,
        "SELECT trace_id, name, span_count, total_tokens, cost FROM traces"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (listed,),
    )
    return {row[0]: TraceFacts(*row[1:]) for row in rows}
