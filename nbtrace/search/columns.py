"""Indexes of the database read from one end to the other, into memory.

A facet, a histogram, an order and the groups of a listing all need the same of a field: its values
in order, and which traces have each. At 1,000,000 traces the counts of the values are read in
50 ms, the traces in 110 ms more; what a filter leaves of them is then found in 5 ms (numpy, a byte
a trace), whichever filter it is. So what one figure has read serves the others, and those of the
next search, until something is written. It takes 4 bytes a trace and field, and is let go with the
last listing of the database.
"""

# ruff: noqa: S608 - the text is made of constants and names of ours; literals are bound
from __future__ import annotations

import contextlib
import threading
import weakref
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

from nbtrace.search.indexes import finite

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from nbtrace.search.indexes import Index
    from nbtrace.search.masks import Mask
    from nbtrace.search.running import Run
    from nbtrace.store.database import Database

__all__ = ["Column", "Columns", "parsed", "read_numbers"]

# How often a thread that waits for another's reading looks whether it has been interrupted.
SECONDS_BETWEEN_LOOKS = 0.02
# Values that are read one by one where others, which every trace has, need not be read at all.
MAX_VALUES_APART = 100
# Entries that are read as one text, of some 100 MB; SQLite makes none of more than 1 GB.
MAX_ENTRIES_AT_ONCE = 10_000_000


class Column:
    """The values of a field and the traces that have each.

    Parameters
    ----------
    index : Index
        Where they are.
    run : Run
        Reads the database, which stands still meanwhile.

    Attributes
    ----------
    newest : int
        Largest key of a trace there was.
    whole : int
        How many traces there were.
    missing : int
        How many entries have no value; they come first.
    values : list or numpy.ndarray
        Those of the field in order, each once; ``None`` (or NaN) comes first, infinity is NaN.
    sizes : numpy.ndarray of int
        How many traces have each value.
    everywhere : numpy.ndarray of bool
        Which values every trace has. They have no entries in `traces` if the field has several.
    traces : numpy.ndarray of int
        The key of the trace of each entry, in the order of the index.
    """

    values: Any
    sizes: npt.NDArray[np.int64]
    everywhere: npt.NDArray[np.bool_]
    traces: npt.NDArray[np.int32]

    def __init__(self, index: Index, run: Run) -> None:
        self.index = index
        self.counted = False
        self.complete = False
        missing = (
            f"SELECT count(*) FROM {index.table} WHERE {index.where} AND {index.value} IS NULL"
        )
        self.newest, self.whole, self.missing = run.rows(
            "SELECT (SELECT coalesce(max(id), 0) FROM traces), (SELECT count(*) FROM traces),"
            f" ({'SELECT 0' if index.several else missing})",
            () if index.several else index.parameters,
        )[0]

    def read_values(self, run: Run) -> None:
        """Read the values, while the database is as it was in the beginning."""
        import numpy as np

        index = self.index
        counts = f"FROM ({index.counts()})"
        if index.distinct:
            self.values = read_numbers(run, "value", counts, index.parameters)
            self.sizes = np.ones(len(self.values), dtype=np.int64)
        else:
            value = f"iif({finite('value')}, value, NULL)" if index.numeric else "value"
            values, sizes = run.rows(
                f"SELECT json_group_array({value}), json_group_array(n) {counts}",
                index.parameters,
            )[0]
            self.values = orjson.loads(values)
            if index.numeric:
                self.values = np.array(self.values, dtype=np.float64)
            self.sizes = np.array(orjson.loads(sizes), dtype=np.int64)
        self.everywhere = self.sizes == self.whole
        if not index.several or len(self.sizes) - self.everywhere.sum() > MAX_VALUES_APART:
            self.everywhere[:] = False
        self.counted = True

    def read_traces(self, run: Run) -> None:
        """Read the traces, while the database is as it was in the beginning."""
        import numpy as np

        index = self.index
        parts = [("1", index.parameters)]
        large = index.several and self.sizes.sum() > MAX_ENTRIES_AT_ONCE
        if large or (index.several and self.everywhere.any()):
            apart = zip(self.values, self.everywhere, strict=True)
            parts = [
                (f"{index.value} = ?", (*index.parameters, value))
                for value, everywhere in apart
                if not everywhere
            ]
        found = [
            read_numbers(run, "trace", f"FROM ({index.entries(condition)})", bound)
            for condition, bound in parts
        ]
        self.traces = np.concatenate([np.empty(0, np.int64), *found]).astype(np.int32)
        self.complete = True

    @property
    def entries(self) -> npt.NDArray[np.int64]:
        """How many entries `traces` has of each value."""
        return self.sizes * ~self.everywhere

    def counts(self, mask: Mask | None) -> npt.NDArray[np.int64]:
        """Return how many of some traces have each value.

        Parameters
        ----------
        mask : Mask or None
            The traces; all without.
        """
        import numpy as np

        if mask is None:
            return self.sizes
        running = np.zeros(len(self.traces) + 1, dtype=np.int64)
        np.cumsum(mask.of(self.traces), out=running[1:])
        ends = np.cumsum(self.entries)
        found: npt.NDArray[np.int64] = running[ends] - running[ends - self.entries]
        found[self.everywhere] = mask.size
        return found

    def having(self, mask: Mask | None) -> int:
        """Return how many of some traces have any value of a field with several.

        Parameters
        ----------
        mask : Mask or None
            The traces; all without.
        """
        import numpy as np

        if self.everywhere.any():
            return self.whole if mask is None else mask.size
        seen = np.zeros(self.newest + 1, dtype=np.bool_)
        seen[self.traces if mask is None else self.traces[mask.of(self.traces)]] = True
        return int(seen.sum())

    def newest_first(self) -> npt.NDArray[np.int32]:
        """Return the traces by rising value, newest first among equals.

        Returns
        -------
        numpy.ndarray of int
            The traces without a value come first, as they do in the index.
        """
        import numpy as np

        ends = np.cumsum(self.sizes)
        mirrored = np.repeat(ends - self.sizes + ends - 1, self.sizes)
        mirrored -= np.arange(len(mirrored))
        found: npt.NDArray[np.int32] = self.traces[mirrored]
        return found


class _Slot:
    """A column, once it has been read, and the state of the database that it was read in."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.version: object = None
        self.column: Column | None = None


class Columns:
    """What has been read of a database; valid until something is written.

    Parameters
    ----------
    database : Database
        Where the indexes are.
    """

    _all: ClassVar[weakref.WeakKeyDictionary[Database, weakref.ref[Columns]]] = (
        weakref.WeakKeyDictionary()
    )
    _gate = threading.Lock()

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._version: object = None
        self._slots: dict[Index, _Slot] = {}

    @classmethod
    def of(cls, database: Database) -> Columns:
        """Return those of a database, the same as long as anybody keeps them.

        Parameters
        ----------
        database : Database
            Where the indexes are.

        Returns
        -------
        Columns
            Those that all listings of the database share.
        """
        with cls._gate:
            reference = cls._all.get(database)
            found = reference() if reference is not None else None
            if found is None:
                found = cls(database)
                cls._all[database] = weakref.ref(found)
            return found

    def at_hand(self, index: Index) -> bool:
        """Say whether all of an index has been read and nothing was written since.

        Parameters
        ----------
        index : Index
            The index.

        Returns
        -------
        bool
            Whether `read` would answer at once.
        """
        slot = self._slot(index)
        column = slot.column
        if column is None or slot.version != self._version:
            return False
        return column.complete and column.counted

    def read(self, run: Run, index: Index, *, values: bool = True, traces: bool) -> Column:
        """Return what an index holds.

        Parameters
        ----------
        run : Run
            Reads the database.
        index : Index
            What to read.
        values : bool
            Whether the values are needed; those of a field with several always are.
        traces : bool
            Whether the traces are needed.

        Returns
        -------
        Column
            Not to be changed.

        Raises
        ------
        Interrupted
            If somebody has stopped it.
        """
        slot = self._slot(index)
        # Who comes second waits for what the first one reads.
        while not slot.lock.acquire(timeout=SECONDS_BETWEEN_LOOKS):
            run.check()
        try:
            with self._still(run) as version:
                column = slot.column
                if column is None or version is None or slot.version != version:
                    slot.column = column = Column(index, run)
                    slot.version = version
                if (values or index.several) and not column.counted:
                    column.read_values(run)
                if traces and not column.complete:
                    column.read_traces(run)
            return column
        finally:
            slot.lock.release()

    def _slot(self, index: Index) -> _Slot:
        with self._lock:
            version = self._database.version()
            if version != self._version:
                self._version = version
                self._slots.clear()
            return self._slots.setdefault(index, _Slot())

    @contextlib.contextmanager
    def _still(self, run: Run) -> Iterator[object]:
        """Read the database as it is at one moment; give its version, if that is certain."""
        if run.connection.in_transaction:  # of this thread, which sees what it has not committed
            yield None
            return
        before = self._database.version()
        run.connection.execute("BEGIN")
        try:
            run.rows("SELECT 1 FROM sqlite_master LIMIT 1")  # from here on it stands still
            yield before if self._database.version() == before else None
        finally:
            run.connection.execute("ROLLBACK")


def read_numbers(
    run: Run, column: str, source: str, parameters: tuple[Any, ...]
) -> npt.NDArray[np.int64]:
    """Return a column of whole numbers, a million in a tenth of a second.

    Parameters
    ----------
    run : Run
        Reads the database.
    column : str
        Its name.
    source : str
        ``FROM`` and what follows it; no value is NULL.
    parameters : tuple
        What is bound.

    Returns
    -------
    numpy.ndarray of int
        In the order of the source.
    """
    # SQLite makes the text without the GIL, and keeps the order for functions that depend on it.
    text = run.rows(f"SELECT group_concat({column}) {source}", parameters)[0][0]
    run.check()
    return parsed(text or "")


def parsed(text: str) -> npt.NDArray[np.int64]:
    """Return the whole numbers of a text, separated by commas.

    Examples
    --------
    >>> parsed("1,20").tolist()
    [1, 20]
    """
    import numpy as np

    return np.fromstring(text, dtype=np.int64, sep=",")
