"""Which experiments a search is about."""

from __future__ import annotations

from typing import Final


class ViewType:
    """Those in use, those deleted, or both; MLflow's numbers.

    Examples
    --------
    >>> ViewType.ALL
    3
    """

    ACTIVE_ONLY: Final = 1
    DELETED_ONLY: Final = 2
    ALL: Final = 3
