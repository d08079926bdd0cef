"""Equality and a readable form for small classes with ``__slots__``.

What ``dataclass`` would generate, without its cost: each use of it takes about half a millisecond
when nbtrace is imported, and these classes are needed by everybody.
"""

from __future__ import annotations


class Record:
    """Base of plain mutable values: equal when all slots are, not hashable.

    Examples
    --------
    >>> class Point(Record):
    ...     __slots__ = ("x",)
    ...     def __init__(self, x):
    ...         self.x = x
    >>> Point(1) == Point(1), Point(1)
    (True, Point(x=1))
    """

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, slot) == getattr(other, slot) for slot in self.__slots__)

    __hash__ = None  # type: ignore[assignment]  # equal by value and mutable

    def __repr__(self) -> str:
        fields = ", ".join(f"{slot}={getattr(self, slot)!r}" for slot in self.__slots__)
        return f"{type(self).__name__}({fields})"
