"""A page of results that knows where the next one begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

_Item = TypeVar("_Item")


class PagedList(list[_Item]):
    """A list with the token of the page after it, as MLflow's.

    Parameters
    ----------
    items : iterable
        What is on this page.
    token : str or None
        What gives the next page; None when this is the last.

    Examples
    --------
    >>> page = PagedList(["a", "b"], "next")
    >>> page[0], page.token
    ('a', 'next')
    """

    def __init__(self, items: Iterable[_Item] = (), token: str | None = None) -> None:
        super().__init__(items)
        self.token = token
