"""A bar for what takes long, where a person is likely to look."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What is shorter is over before one could look at a bar.
PROGRESS_SECONDS = 1.0


@contextmanager
def progress_bar(unit: str, *, show: bool | None) -> Iterator[Callable[[int], None] | None]:
    """Show a bar while the body runs.

    Parameters
    ----------
    unit : str
        What is counted, such as ``"traces"``.
    show : bool or None
        Whether to; by default in a notebook and on a terminal.

    Yields
    ------
    callable or None
        To be called with the number done so far; None where nothing is shown.

    Examples
    --------
    >>> with progress_bar("traces", show=False) as report:
    ...     print(report)
    None
    """
    if show is None:
        show = sys.stderr.isatty() or "ipykernel" in sys.modules
    if not show:
        yield None
        return
    from tqdm.auto import tqdm

    with tqdm(unit=f" {unit}", delay=PROGRESS_SECONDS, leave=False) as bar:
        yield lambda done: bar.update(done - bar.n) and None
