"""The IPython extension: ``%%trace``, ``%trace``, and what a cell shows of its trace.

The modules here import IPython, so ``import nbtrace`` leaves this package alone until
``%load_ext nbtrace``.
"""

from __future__ import annotations

from nbtrace.notebook.extension import load_ipython_extension, unload_ipython_extension

__all__ = ["load_ipython_extension", "unload_ipython_extension"]
