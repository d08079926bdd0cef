"""The quickstart's program: questions about Python answered from its own documentation strings.

``docstrings`` builds the index, ``tools`` holds what the model may call, ``endpoint`` is an
OpenAI-compatible server on loopback whose answers ``extractive`` composes, and ``answering`` is the
traced program over them. ``nbtrace demo`` and ``quickstart.ipynb`` both run it.
"""

from __future__ import annotations
