"""The ``nbtrace`` command: ``demo``, ``show``, ``search``, ``export``, ``import``, ``receive``...

It reads the store that Python code started in the same directory would use; ``NBTRACE_DIR`` names
another one. What a command needs beyond capture is imported by that command, so that
``nbtrace --help`` answers at once.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nbtrace.config import __version__
from nbtrace.exceptions import NbtraceError

if TYPE_CHECKING:
    import pandas as pd

# What tells one trace from another in 110 columns; --full shows the rest.
HEADINGS = ("trace_id", "started", "name", "state", "duration", "spans", "tokens")
NUMBERS = ("duration", "spans", "tokens")
NAME_CHARACTERS = 28
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
@click.version_option(__version__)
def main() -> None:
    """See what your LLM code did, from traces kept in the .nbtrace directory."""


@main.command(short_help="Trace a small program and show its tree.")
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

    What follows -- is passed to JupyterLab, as in:

    \b
    nbtrace demo --lab -- --no-browser
    """  # noqa: D301 - click's mark for lines that stay as they are
    if lab_options and not lab:
        message = "options after -- are for JupyterLab; add --lab"
        raise click.UsageError(message)
    from nbtrace import demo as module

    if lab:
        raise SystemExit(module.open_lab(directory, lab_options))
    raise SystemExit(module.run(directory))


@main.command(short_help="Print the tree of a trace.")
@click.argument("trace_id", metavar="[TRACE_ID]", default="")
def show(trace_id: str) -> None:
    """Print the tree of the trace TRACE_ID, or of the newest one."""
    import nbtrace
    from nbtrace.widgets.text import terminal_tree

    if not trace_id:
        newest = nbtrace.search_traces(max_results=1, return_type="list", include_spans=False)
        if not newest:
            message = f"there is no trace in {_store()} yet" if _store().exists() else _no_store()
            raise NbtraceError.missing(message)
        trace_id = newest[0].info.trace_id
        click.echo(trace_id)
    trace = nbtrace.get_trace(trace_id, silent=True)
    if trace is None:
        if not _store().exists():
            raise NbtraceError.missing(_no_store())
        raise NbtraceError.no_trace(trace_id, _store(), "`nbtrace search`")
    click.echo(terminal_tree(trace))


@main.command()
@click.argument("filter_string", metavar="[FILTER]", default="")
@click.option("-n", "--max-results", default=20, show_default=True, help="The most traces to list.")
@click.option("--order-by", multiple=True, help="As in search_traces, e.g. 'execution_time DESC'.")
@click.option("--full", is_flag=True, help="Print every column of each trace.")
def search(filter_string: str, max_results: int, order_by: tuple[str, ...], *, full: bool) -> None:
    """List traces, newest first, that match FILTER.

    FILTER is MLflow's search language, for example "status = 'ERROR'" or
    "tags.topic = 'combinatorics'". Without it every trace matches, of every experiment;
    "experiment = 'trials'" keeps those of one.
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
        click.echo(f"No trace in {_store()} matches." if _store().exists() else _no_store())
    elif full:
        for place in range(len(frame)):
            click.echo(_full(frame, place))
    else:
        click.echo(_table(frame))


def _table(frame: pd.DataFrame) -> str:
    import pandas as pd

    from nbtrace.entities.figures import duration
    from nbtrace.widgets.overview import one_line

    def row(trace: Any) -> tuple[str, ...]:
        took, tokens = trace.execution_duration, trace.tokens
        return (
            trace.trace_id,
            f"{trace.start_time.to_pydatetime().astimezone():%Y-%m-%d %H:%M:%S}",
            one_line(str(trace.name), NAME_CHARACTERS),
            trace.state,
            "" if pd.isna(took) else duration(int(took) * 1_000_000) if took else "< 1 ms",
            f"{trace.span_count:,}",
            "" if pd.isna(tokens) else f"{tokens:,}",
        )

    columns = [
        "trace_id", "start_time", "name", "state", "execution_duration", "span_count", "tokens"
    ]  # fmt: skip
    lines = [HEADINGS, *map(row, frame[columns].itertuples(index=False))]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if heading in NUMBERS else cell.ljust(width)
            for heading, cell, width in zip(HEADINGS, line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def _full(frame: pd.DataFrame, place: int) -> str:
    row = frame.iloc[place].drop(REPEATING_COLUMNS)
    row = row.where(row.notna(), "")
    width = max(len(str(name)) for name in row.index)
    return "\n".join(f"{name!s:<{width}}  {value}".rstrip() for name, value in row.items()) + "\n"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _no_store() -> str:
    return (
        f"There is no store: {_store()} does not exist. It is made by the first trace; NBTRACE_DIR "
        "names another one."
    )


def _store() -> Path:
    from nbtrace.store import current_store

    return current_store().directory


@main.command(short_help="Send traces to a file or to an OTLP receiver.")
@click.argument("filter_string", metavar="[FILTER]", default="")
@click.option(
    "--to", required=True, help="A file (.jsonl, .json, .pb, .gz, .html), an address, or - ."
)
@click.option("--header", multiple=True, metavar="NAME=VALUE", help="Sent with each request.")
@click.option("--protocol", type=click.Choice(["http/json", "http/protobuf"]))
@click.option(
    "--receiver",
    type=click.Choice(["mlflow", "phoenix"]),
    help="Who receives, to send what it understands.",
)
@click.option("--project", help="MLflow's experiment or Phoenix's project; needs --receiver.")
@click.option("-n", "--max-results", type=int, help="The most traces to export.")
@click.option("--restart", is_flag=True, help="Begin anew where the same export was interrupted.")
def export(  # noqa: PLR0913, PLR0917 - click's options
    filter_string: str,
    to: str,
    header: tuple[str, ...],
    protocol: Any,
    receiver: Any,
    project: str | None,
    max_results: int | None,
    *,
    restart: bool,
) -> None:
    """Send the traces that match FILTER to a file or to an OTLP/HTTP receiver.

    \b
    nbtrace export "status = 'ERROR'" --to errors.jsonl.gz
    nbtrace export --to http://localhost:5000 --receiver mlflow --project trials

    The same command goes on where it was interrupted.
    """  # noqa: D301 - click's mark for lines that stay as they are
    import nbtrace

    result = nbtrace.export_traces(
        filter_string or None,
        to=sys.stdout.buffer if to == "-" else to,
        headers=_headers(header),
        protocol=protocol,
        receiver=receiver,
        project=project,
        max_results=max_results,
        resume=not restart,
    )
    click.echo(repr(result), err=True)


def _headers(pairs: tuple[str, ...]) -> dict[str, str]:
    headers = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            message = f"--header takes NAME=VALUE, got {pair!r}"
            raise click.UsageError(message)
        headers[name.strip()] = value.strip()
    return headers


@main.command(name="import", short_help="Bring in traces that others wrote.")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("--experiment", help="Where new traces go; it is made when missing.")
@click.option("--skip-errors", is_flag=True, help="Bring in what is sound, and list the rest.")
def import_(sources: tuple[str, ...], experiment: str | None, *, skip_errors: bool) -> None:
    """Bring in traces: OTLP as JSON, lines or protobuf, MLflow's, Phoenix's, Langfuse's, Jaeger's.

    SOURCE is a file, a directory, an address, or - for standard input.
    """
    import nbtrace

    for source in sources:
        result = nbtrace.import_traces(
            sys.stdin.buffer.read() if source == "-" else source,
            experiment=experiment,
            on_error="skip" if skip_errors else "raise",
        )
        traces = _count(len(result.trace_ids), "trace")
        click.echo(f"{source}: {traces}, {_count(result.spans, 'span')}")
        for problem in result.problems:
            click.echo(f"  {problem}", err=True)


@main.command(short_help="Take traces that other programs send.")
@click.option("--port", type=int, help="0 for any that is free.  [default: 4318]")
@click.option("--experiment", help="Where new traces go; it is made when missing.")
def receive(port: int | None, experiment: str | None) -> None:
    """Take traces that programs on this machine send by OTLP/HTTP, until Ctrl-C.

    It listens on 127.0.0.1 only, for protobuf and JSON. Send to it with
    OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 and OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf.
    """
    import threading

    import nbtrace

    with nbtrace.receive(port, experiment=experiment) as receiver:
        click.echo(f"Listening on {receiver.url}, keeping traces in {_store()}; Ctrl-C ends it.")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
        spans, requests = _count(receiver.spans, "span"), _count(receiver.requests, "request")
        click.echo(f"{spans} in {requests}.")


@main.command(short_help="Free the disk of deleted traces, for good.")
@click.option("--older-than", metavar="AGE", help="Delete older traces too, as in 30d or 12h.")
@click.option(
    "--keep-tag",
    "keep_tags",
    metavar="KEY=VALUE",
    multiple=True,
    help="Of those, keep what has this tag; may be given several times.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be freed.")
def gc(older_than: str | None, keep_tags: tuple[str, ...], *, dry_run: bool) -> None:
    """Free the disk of deleted traces, for good: rows, span files, attachments and text.

    It may be interrupted at any time; the next run goes on.
    """
    from tqdm import tqdm

    from nbtrace.search.times import read_duration
    from nbtrace.store import current_store
    from nbtrace.store.retention import collect_garbage
    from nbtrace.tracing.traces import flush_traces

    age = None if older_than is None else read_duration(older_than)
    if older_than is not None and (age is None or age < 0 or older_than.strip().isdigit()):
        message = f"--older-than takes an age such as 30d or 12h, got {older_than!r}"
        raise click.BadParameter(message)
    pairs = [pair.partition("=") for pair in keep_tags]
    if not all(key and equals for key, equals, _ in pairs):
        message = "--keep-tag takes key=value, such as --keep-tag golden=yes"
        raise click.BadParameter(message)
    if pairs and age is None:
        message = "--keep-tag says what --older-than leaves alone; deleted traces are freed anyway"
        raise click.UsageError(message)
    flush_traces()
    with tqdm(desc="freeing", unit=" traces", leave=False, disable=None) as shown:

        def progress(done: int, total: int) -> None:
            shown.total = total
            shown.update(done)

        freed = collect_garbage(
            current_store(),
            older_than_ms=age,
            keep_tags={key: value for key, _, value in pairs},
            dry_run=dry_run,
            progress=progress,
        )
    word = "would free" if dry_run else "freed"
    click.echo(
        f"{word} {_count(freed.traces, 'trace')}, {_count(freed.files, 'file')}, "
        f"{freed.file_bytes / 1e6:,.1f} MB"
    )


@main.command()
def version() -> None:
    """Print the version and where traces are kept."""
    click.echo(f"nbtrace {__version__}")
    click.echo(f"store {_store()}")


@main.command(
    short_help="Take nbtrace's outputs out of notebooks.",
    # click takes a line with only a backspace as "leave the next paragraph as it is"
    epilog="\b\ngit config filter.nbtrace.clean 'nbtrace clean'\n"
    "echo '*.ipynb filter=nbtrace' >> .gitattributes",
)
@click.argument("notebooks", metavar="[NOTEBOOK]...", nargs=-1)
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if there is any.")
def clean(notebooks: tuple[str, ...], *, check: bool) -> None:
    """Remove nbtrace's outputs from each NOTEBOOK, and leave all others in it.

    Without a NOTEBOOK it reads standard input and writes standard output, as a git filter does.
    These two lines make it one:
    """
    from nbtrace.widgets.saved_notebook import clean_file, clean_text

    if not notebooks:
        text = sys.stdin.buffer.read().decode()
        cleaned = clean_text(text)
        if check:
            raise SystemExit(cleaned != text)
        sys.stdout.buffer.write(cleaned.encode())
        return
    changed = [name for name in notebooks if clean_file(Path(name), check=check)]
    for name in changed:
        click.echo(f"{name}: has outputs of nbtrace" if check else f"{name}: cleaned")
    raise SystemExit(check and bool(changed))


if __name__ == "__main__":
    main()
