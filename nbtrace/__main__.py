"""``python -m nbtrace`` is the ``nbtrace`` command, for where scripts are not on the PATH."""

from __future__ import annotations

from nbtrace.cli import main

if __name__ == "__main__":
    main(prog_name="nbtrace")
