"""Some of the traces of a store, as figures count them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.search.masks import Mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbtrace.search.columns import Column, Columns
    from nbtrace.search.indexes import Index
    from nbtrace.search.running import Run

__all__ = ["Members"]

# Traces that are looked up one by one, at 1 to 4 microseconds each.
FEW = 50_000


class Members:
    """Which traces are counted.

    Parameters
    ----------
    columns : Columns
        What has been read of the database.
    last : int
        Largest key there was when they were found.
    keys : sequence of int or None
        ``traces.id`` of each; ``None`` for all up to the last.
    size : int
        How many they are.
    """

    def __init__(self, columns: Columns, last: int, keys: Sequence[int] | None, size: int) -> None:
        self.size = size
        self.last = last
        self._columns = columns
        self._keys = keys
        self._few: str | None = None
        self._mask: Mask | None = None

    def few(self, index: Index) -> str | None:
        """Return a JSON list of their keys, if that is the faster way to their values.

        Parameters
        ----------
        index : Index
            Where all values are.

        Returns
        -------
        str or None
            ``None`` when the index is to be read, or has been.
        """
        if self.size > FEW or self._keys is None or self._columns.at_hand(index):
            return None
        if self._few is None:
            self._few = orjson.dumps(list(self._keys)).decode()
        return self._few

    def column(self, run: Run, index: Index, *, traces: bool = False) -> tuple[Column, Mask | None]:
        """Return what an index holds, and which of it is theirs.

        Parameters
        ----------
        run : Run
            Reads the database.
        index : Index
            What to read.
        traces : bool
            Whether the traces are needed also when all of them are meant.

        Returns
        -------
        tuple of (Column, Mask or None)
            No mask when they are all traces there are.

        Raises
        ------
        Interrupted
            If somebody has stopped it.
        """
        if self._keys is None:
            column = self._columns.read(run, index, traces=traces)
            if column.newest <= self.last:
                return column, None
        return self._columns.read(run, index, traces=True), self.mask()

    def mask(self) -> Mask:
        """Return them as a mask."""
        if self._mask is None:
            self._mask = Mask.upto(self.last, self._keys_array(), self.size)
        return self._mask

    def _keys_array(self) -> Any:
        import numpy as np

        return None if self._keys is None else np.asarray(self._keys)
