"""Time of ``import nbtrace``, against ``import opentelemetry.trace``.

Each import runs in a new interpreter that may use cached bytecode, as anybody's does; the
statement alone is timed inside. The two take turns; the figure is the minimum, because an import
does the same work each time and everything else only adds to it. Afterwards `sys.modules` is asked
for the libraries that must not be loaded before they are used.
"""

from __future__ import annotations

import json

import measure
from measure import Figure

LIMIT = 2.0
LAZY = ("pandas", "ipywidgets", "anywidget", "sqlite_utils", "IPython", "genai_prices")
TIMED = (
    "import time; begin = time.perf_counter(); import {name}; print(time.perf_counter() - begin)"
)
LOADED = "import json, sys, nbtrace; print(json.dumps(sorted(sys.modules)))"


def milliseconds(name: str) -> float:
    """Import a module in a new interpreter."""
    return float(measure.python(TIMED.format(name=name))) * 1e3


def measure_import(quick: bool) -> list[Figure]:
    rounds = 12 if quick else 40
    own, peer = measure.interleaved(
        rounds, lambda: milliseconds("nbtrace"), lambda: milliseconds("opentelemetry.trace")
    )
    for name, figures in (("nbtrace", own), ("opentelemetry.trace", peer)):
        measure.note(f"import {name}: {measure.spread(figures)} ms, {rounds} rounds")
    loaded = set(json.loads(measure.python(LOADED)))
    early = [name for name in LAZY if name in loaded]
    return [
        Figure(
            "`import nbtrace`, minimum",
            f"{min(own):.0f} ms",
            f"`import opentelemetry.trace` {min(peer):.0f} ms",
            **measure.at_most(min(own) / min(peer), LIMIT),
        ),
        Figure(
            "loaded by `import nbtrace`: " + ", ".join(LAZY),
            ", ".join(early) or "none",
            budget="only when used",
            holds=not early,
        ),
    ]


if __name__ == "__main__":
    measure.main(measure_import, __doc__)
