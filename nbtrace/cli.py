"""The ``nbtrace`` command: ``demo``, ``show``, ``search`` and ``version``.

It reads the store that Python code started in the same directory would use; ``NBTRACE_DIR`` names
another one. nbtrace and its libraries are imported by the command that needs them, so that
``nbtrace --help`` answers at once.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    import pandas as pd

# What tells one trace from another in a terminal's width; --full shows the rest.
COLUMNS = ["trace_id", "start_time", "name", "state", "execution_duration", "span_count", "tokens"]
# These repeat the other columns at great length.
REPEATING_COLUMNS = ["trace", "spans"]


class _Group(click.Group):
    """A group of commands that shows nbtrace's errors as messages, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except NbtraceError as error:
            raise click.ClickException(error.message) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """See what your LLM code did, from traces kept in the .nbtrace directory."""


@main.command()
@click.option("--lab", is_flag=True, help="Open JupyterLab on the quickstart notebook instead.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to keep the traces and the notebook.  [default: the working directory]",
)
@click.argument("lab_options", nargs=-1, type=click.UNPROCESSED)
def demo(*, lab: bool, directory: Path | None, lab_options: tuple[str, ...]) -> None:
    """Trace a small program that answers a question, and show its tree.

    The program searches Python's own documentation, calls tools and asks a model. The model is
    served from this machine, unless OPENAI_BASE_URL and OPENAI_API_KEY are both set.

    What follows -- is passed to JupyterLab, as in: nbtrace demo --lab -- --no-browser
    """
    if lab_options and not lab:
        message = "options after -- are for JupyterLab; add --lab"
        raise click.UsageError(message)
    from nbtrace import demo as module

    if lab:
        raise SystemExit(module.open_lab(directory, lab_options))
    raise SystemExit(module.run(directory))


@main.command()
@click.argument("trace_id")
def show(trace_id: str) -> None:
    """Print the tree of the trace TRACE_ID."""
    import nbtrace
    from nbtrace.widgets.text import terminal_tree

    trace = nbtrace.get_trace(trace_id, silent=True)
    if trace is None:
        message = f"there is no trace {trace_id} in {_store()}; `nbtrace search` lists what is"
        raise NbtraceError.missing(message)
    click.echo(terminal_tree(trace))


@main.command()
@click.argument("filter_string", metavar="FILTER", default="")
@click.option("-n", "--max-results", default=20, show_default=True, help="The most traces to list.")
@click.option("--order-by", multiple=True, help="As in search_traces, e.g. 'execution_time DESC'.")
@click.option("--full", is_flag=True, help="Print every column of each trace.")
def search(filter_string: str, max_results: int, order_by: tuple[str, ...], *, full: bool) -> None:
    """List traces, newest first, that match FILTER.

    FILTER is MLflow's search language, for example "status = 'ERROR'" or
    "tags.topic = 'combinatorics'". Without it every trace matches.
    """
    import nbtrace

    frame = nbtrace.search_traces(
        filter_string=filter_string or None,
        max_results=max_results,
        order_by=list(order_by) or None,
        return_type="pandas",
        # A trace's inputs and outputs are read from its spans.
        include_spans=full,
    )
    if frame.empty:
        click.echo(f"No trace in {_store()} matches.")
    elif full:
        for place in range(len(frame)):
            click.echo(_full(frame, place))
    else:
        click.echo(frame[COLUMNS].to_string(index=False, na_rep=""))


def _full(frame: pd.DataFrame, place: int) -> str:
    row = frame.iloc[place].drop(REPEATING_COLUMNS)
    row = row.where(row.notna(), "")
    width = max(len(str(name)) for name in row.index)
    return "\n".join(f"{name!s:<{width}}  {value}".rstrip() for name, value in row.items()) + "\n"


def _store() -> Path:
    from nbtrace.store import current_store

    return current_store().directory


@main.command()
def version() -> None:
    """Print the version and where traces are kept."""
    try:
        number = metadata.version("nbtrace")
    except metadata.PackageNotFoundError:
        number = "(a source tree that is not installed)"
    click.echo(f"nbtrace {number}")
    click.echo(f"store {_store()}")


if __name__ == "__main__":
    main()
