"""What ``%trace status`` prints, and which trace ``%trace last`` means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace.notebook.environment import front_end, notebook_path

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbtrace.notebook.arguments import TraceArguments

_NEWEST = "SELECT trace_id FROM traces ORDER BY request_time DESC, id DESC LIMIT 1"
_COUNT = "SELECT count(*) FROM traces"


def last_trace_id() -> str | None:
    """Return the id of the trace this process ended last, or of the newest one in the store.

    Returns
    -------
    str or None
        None when the store is empty.
    """
    from nbtrace.store import current_store
    from nbtrace.tracing.traces import get_last_active_trace_id

    found = get_last_active_trace_id()
    if found is not None:
        return found
    with current_store().database.reading() as connection:
        row = connection.execute(_NEWEST).fetchone()
    return str(row[0]) if row else None


def tell_if_disabled() -> None:
    """Say below a ``%%trace`` line that the environment switches tracing off.

    Who has called ``disable`` knows, and wants the cells to look as if nbtrace were not there.
    """
    from nbtrace.tracing.starting import BY_ENVIRONMENT, switch

    if not switch.on and switch.why_off == BY_ENVIRONMENT:
        print(switch.notice())  # noqa: T201 - the cell's output, where the tree would stand


def status_text(shell: InteractiveShell, *, every_cell: TraceArguments | None) -> str:
    """Return the lines that ``%trace status`` prints.

    Parameters
    ----------
    shell : InteractiveShell
        The shell that runs the cells.
    every_cell : TraceArguments or None
        The options of ``%trace on``; None while only cells with ``%%trace`` are traced.

    Returns
    -------
    str
        One fact a line; reading them makes no store where there is none.
    """
    from nbtrace.store import current_store
    from nbtrace.tracing.starting import switch
    from nbtrace.tracing.traces import flush_traces
    from nbtrace.transfer.forwarding import running_forwarders

    flush_traces()
    store = current_store()
    with store.database.reading() as connection:
        count = connection.execute(_COUNT).fetchone()[0]
    rows = {
        "tracing": ("every cell" if every_cell else "cells with %%trace")
        if switch.on
        else f"off, nbtrace.tracing.enable() turns it on ({switch.why_off})",
        "store": f"{store.directory}{_problem()}",
        "experiment": _experiment(),
        "provider": _provider(),
        "front end": front_end(shell),
        "notebook": notebook_path(shell) or "not told by the front end",
        "traces": f"{count:,}",
    }
    forwarded = [repr(forwarder.status()) for forwarder in running_forwarders.values()]
    if forwarded:
        rows["forwarding"] = "\n            ".join(forwarded)
    if every_cell is not None and every_cell.tags:
        rows["tags"] = ", ".join(f"{key}={value}" for key, value in every_cell.tags.items())
    return "\n".join(f"{label + ':':<12}{value}" for label, value in rows.items())


def _problem() -> str:
    from nbtrace.tracing.recorder import existing_recorder

    recorder = existing_recorder()
    problem = None if recorder is None else recorder.unwritable
    return "" if problem is None else f", which cannot be written: {problem}"


def _experiment() -> str:
    from nbtrace.store import current_store
    from nbtrace.tracing.environment import active_experiment_id

    store = current_store()
    number = active_experiment_id(store)
    experiment = store.get_experiment(number)
    return f"{experiment.name} (id {number})" if experiment is not None else number


def _provider() -> str:
    from nbtrace.tracing.provider import provider_description

    described = provider_description()
    return (
        f"{described} (the first traced cell offers nbtrace's)"
        if described == "none yet"
        else described
    )
