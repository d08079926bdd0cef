"""Which traces of a store are meant, a byte a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Mask"]


class Mask(NamedTuple):
    """Which traces of a store are meant.

    Attributes
    ----------
    inside : numpy.ndarray of bool
        A place per key and a last one for all later keys.
    size : int
        How many they are.
    """

    inside: npt.NDArray[np.bool_]
    size: int

    @classmethod
    def upto(cls, last: int, keys: Any, size: int) -> Mask:
        """Return that of some keys, or of all up to the last.

        Parameters
        ----------
        last : int
            Largest key there may be.
        keys : numpy.ndarray of int or None
            The keys; ``None`` for all.
        size : int
            How many they are.

        Returns
        -------
        Mask
            A byte a trace.
        """
        import numpy as np

        inside = np.zeros(last + 2, dtype=np.bool_)
        inside[slice(last + 1) if keys is None else keys] = True
        return cls(inside, size)

    def of(self, traces: Any) -> npt.NDArray[np.bool_]:
        """Say of each trace whether it is meant."""
        found: npt.NDArray[np.bool_] = self.inside.take(traces, mode="clip")
        return found
