"""``nbtrace.openai``, ``nbtrace.langchain`` and the like: modules with an ``autolog`` of their own.

They are made when they are first asked for; each does what ``nbtrace.autolog("openai")`` does, so
that ``mlflow.openai.autolog()`` runs unchanged.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nbtrace.tracing.libraries import LIBRARIES

if TYPE_CHECKING:
    from nbtrace.tracing.autolog_table import AutologTable

_NAMES = frozenset(library.name for library in LIBRARIES)


def library_module(name: str) -> ModuleType | None:
    """Return the module of a library, made at the first call; None for another name.

    Parameters
    ----------
    name : str
        Such as ``"openai"``.

    Examples
    --------
    >>> library_module("openai").__name__
    'nbtrace.openai'
    """
    if name not in _NAMES:
        return None
    full_name = f"nbtrace.{name}"
    found = sys.modules.get(full_name)
    if found is not None:
        return found
    module = ModuleType(full_name, f"Tracing of {name}: ``nbtrace.{name}.autolog()``.")

    def autolog(**keywords: Any) -> AutologTable:
        from nbtrace.tracing.autolog import autolog as of_all

        return of_all(name, **keywords)

    autolog.__doc__ = f"Trace the calls of {name}; see ``nbtrace.autolog`` for the keywords."
    autolog.__module__ = full_name
    module.__dict__["autolog"] = autolog
    sys.modules[full_name] = module
    return module
