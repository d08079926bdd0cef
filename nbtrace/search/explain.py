"""How a search is done: its SQL, SQLite's plan, and what the search cannot promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbtrace.config import options
from nbtrace.search.known_words import known_words, unknown_word
from nbtrace.search.parser import parse
from nbtrace.search.query import Query
from nbtrace.search.syntax import conditions
from nbtrace.search.traces import experiment_ids
from nbtrace.store.text_index import catch_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.search.syntax import Condition
    from nbtrace.store.store import Store

__all__ = ["Explanation", "explain"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a search is done.

    Attributes
    ----------
    sql : str
        The query that finds the first page.
    parameters : tuple
        What is bound to its question marks, in order.
    plan : list of str
        SQLite's steps.
    caveats : list of str
        What the search cannot promise, and why it may take long.

    Examples
    --------
    >>> print(Explanation("SELECT 1", (), ["SCAN CONSTANT ROW"], []))
    SELECT 1
    <BLANKLINE>
    Parameters: none
    Plan:
      SCAN CONSTANT ROW
    """

    sql: str
    parameters: tuple[Any, ...]
    plan: list[str]
    caveats: list[str]

    def __str__(self) -> str:
        """Return everything, a line each."""
        lines = [self.sql, "", f"Parameters: {', '.join(map(repr, self.parameters)) or 'none'}"]
        lines += ["Plan:", *(f"  {step}" for step in self.plan)]
        if self.caveats:
            lines += ["Mind:", *(f"  {caveat}" for caveat in self.caveats)]
        return "\n".join(lines)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001 - IPython's protocol
        del cycle
        printer.text(str(self))


def explain(
    store: Store,
    filter_string: str | None = None,
    *,
    locations: Sequence[str] | None = None,
    order_by: Sequence[str] | None = None,
) -> Explanation:
    """Return how a search is done in a store as it is now.

    Parameters
    ----------
    store : Store
        Where one would look; the plan depends on what is there.
    filter_string : str or None
        A filter.
    locations, order_by : sequence of str or None
        As in `search_traces`.

    Returns
    -------
    Explanation
        Prints as text.

    Raises
    ------
    NbtraceError
        ``INVALID_PARAMETER_VALUE`` for a filter or an order that cannot work.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from nbtrace.store.store import Store
    >>> with tempfile.TemporaryDirectory() as name:
    ...     store = Store(Path(name, ".nbtrace"))
    ...     print(explain(store, "state = 'OK'").plan[0])
    ...     store.close()
    SEARCH t USING COVERING INDEX traces_by_state (state=?)
    """
    query = Query(filter_string, experiment_ids(store, locations), order_by)
    if query.reads_text:
        catch_up(store)
    with store.database.reading() as connection:
        sql, parameters, plan = query.explain(connection)
    caveats: dict[str, None] = {}
    tree = parse(filter_string)
    for condition in () if tree is None else conditions(tree):
        for caveat in _caveats(condition):
            caveats[caveat] = None
    if tree is not None and any(step.startswith("SCAN t") for step in plan):
        caveats["no index answers this filter alone: traces are looked at newest first"] = None
    if any("TEMP B-TREE" in step for step in plan) and order_by:
        caveats["what is found is sorted, which takes time in proportion to it"] = None
    return Explanation(sql, parameters, plan, list(caveats))


def _caveats(condition: Condition) -> list[str]:
    field = condition.field
    word = unknown_word(condition)
    if word is not None:
        names = ", ".join(known_words(condition))
        return [f"nothing has the status {word!r}: it is one of {names}, in capitals"]
    if field.type == "content":
        return [
            (
                "of each span's inputs, outputs, messages and errors the first "
                f"{options.indexed_text_characters:,} characters are searched, not what comes after"
            )
        ]
    if field.scope == "attribute":
        return [
            (
                f"attributes are compared up to {options.indexed_attribute_characters} characters; "
                f"a longer span.attributes.{field.name}, a list or a dict is not found"
            )
        ]
    if field.name in {"request_preview", "response_preview"}:
        return [f"{field.name} is the beginning of a text, cut at 1,000 characters"]
    if field.scope == "trace" and field.name == "cost":
        return ["a trace whose model has no known price has no cost and is never found by it"]
    return []
