"""Call a function when a module has been imported.

``import`` asks the finders of ``sys.meta_path`` in turn. Ours stands first, finds nothing by
itself, and for a module that somebody waits for has the others find it, then calls the function
once the module has run. An instrumentor is thus put in place without importing, long before it is
needed, a library that takes seconds to import. Finder and loader inherit nothing: ``importlib.abc``
costs as much as a quarter of nbtrace.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.abc import Loader, MetaPathFinder
    from importlib.machinery import ModuleSpec
    from types import ModuleType

logger = logging.getLogger("nbtrace")

_waiting: dict[str, Callable[[], None]] = {}
_busy = threading.local()


class _LoaderThatTells:
    """Loads as another loader does, then calls what waits for the module."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make the module as the loader does."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, then what waits for it."""
        # What a module says of its loader has to be the truth: resources are read through it.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        function = _waiting.pop(module.__name__, None)
        if function is not None:
            try:
                function()
            except Exception:
                logger.warning("nbtrace could not follow %s", module.__name__, exc_info=True)


class _Finder:
    """Has the other finders find a module that somebody waits for."""

    def find_spec(
        self, fullname: str, path: Any = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module that is waited for, None for all others."""
        del path, target
        if fullname not in _waiting or getattr(_busy, "on", False):
            return None
        from importlib.util import find_spec  # here, where a program has long paid for it

        _busy.on = True
        try:
            spec = find_spec(fullname)
        finally:
            _busy.on = False
        if spec is None or not hasattr(spec.loader, "exec_module"):
            return None
        spec.loader = cast("Loader", _LoaderThatTells(spec.loader))
        return spec


_finder = cast("MetaPathFinder", _Finder())


def when_imported(module: str, function: Callable[[], None]) -> None:
    """Call a function once a module is imported; at once when it is already.

    Parameters
    ----------
    module : str
        Its dotted name.
    function : callable
        Takes nothing; what it raises is logged and goes no further. A later call for the same
        module takes its place.
    """
    if module in sys.modules:
        function()
        return
    _waiting[module] = function
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def stop_waiting(module: str) -> None:
    """Forget what waits for a module."""
    _waiting.pop(module, None)
    if not _waiting and _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
