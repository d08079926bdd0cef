"""The options after ``%%trace`` and ``%trace on``, read in one place.

The input transformer, the cell events and the fallback magic each see the same line at another
moment; all three parse it here, so that they cannot disagree about a cell.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic_arguments import MagicArgumentParser

CELL_USAGE = "%%trace [name] [--tag key=value ...] [--experiment name] [--no-display]"
LINE_USAGE = "%trace on|off|autolog|last|diff|status"


# IPython's class is not typed.
_make_parser: Any = MagicArgumentParser


@dataclass(frozen=True, slots=True)
class TraceArguments:
    """What a person asked for on a ``%%trace`` line.

    Attributes
    ----------
    name : str or None
        Name of the trace's root span; None for the name of the cell, such as ``In [3]``.
    tags : dict of str to str
        Tags of the trace.
    experiment : str or None
        Name of the experiment; None for the current one.
    display : bool
        Whether the tree is shown in the cell.

    Examples
    --------
    >>> parse_cell_line("answers --tag user=ada --no-display")
    TraceArguments(name='answers', tags={'user': 'ada'}, experiment=None, display=False)
    """

    name: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    experiment: str | None = None
    display: bool = True


def _parser(program: str) -> MagicArgumentParser:
    parser: MagicArgumentParser = _make_parser(program)
    parser.allow_abbrev = False
    parser.add_argument("--tag", action="append", default=[], metavar="key=value")
    parser.add_argument("--experiment", metavar="name")
    parser.add_argument("--no-display", dest="display", action="store_false")
    return parser


_cell_parser = _parser("%%trace")
_cell_parser.add_argument("name", nargs="?")
_on_parser = _parser("%trace on")


def parse_cell_line(line: str) -> TraceArguments:
    """Read what follows ``%%trace`` on its line.

    Parameters
    ----------
    line : str
        The text after ``%%trace``; quotes keep a name with spaces together.

    Returns
    -------
    TraceArguments
        The options, with defaults for those not given.

    Raises
    ------
    IPython.core.error.UsageError
        For an unknown option, a second name, or a tag that is not ``key=value``.

    Examples
    --------
    >>> parse_cell_line("'second try' --tag kind=test").name
    'second try'
    """
    return _parse(_cell_parser, line, CELL_USAGE)


def parse_on_line(line: str) -> TraceArguments:
    """Read what follows ``%trace on`` on its line; the options hold for every cell traced by it.

    Parameters
    ----------
    line : str
        The text after ``%trace on``.

    Returns
    -------
    TraceArguments
        The options, without a name: cells are named by their number.

    Raises
    ------
    IPython.core.error.UsageError
        For an unknown option or a tag that is not ``key=value``.

    Examples
    --------
    >>> parse_on_line("--experiment trials").experiment
    'trials'
    """
    return _parse(_on_parser, line, "%trace on [--tag key=value ...] [--experiment name]")


def _parse(parser: MagicArgumentParser, line: str, usage: str) -> TraceArguments:
    try:
        found = parser.parse_args(_words(line))
    except ValueError as error:  # a quote that is never closed
        msg = f"{error}; usage: {usage}"
        raise UsageError(msg) from None
    except UsageError as error:
        hint = " (put quotes around a name with spaces)" if "unrecognized" in str(error) else ""
        msg = f"{error}{hint}; usage: {usage}"
        raise UsageError(msg) from None
    tags = {}
    for text in found.tag:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            msg = f"--tag takes key=value, got {text!r}; usage: {usage}"
            raise UsageError(msg)
        tags[key.strip()] = value
    return TraceArguments(
        name=getattr(found, "name", None) or None,
        tags=tags,
        experiment=found.experiment or None,
        display=found.display,
    )


def _words(line: str) -> list[str]:
    # IPython's own splitting keeps quotes and cuts key='two words' in two.
    words = shlex.shlex(line, posix=True)
    words.whitespace_split = True
    words.commenters = ""
    words.escape = ""  # a backslash in a tag is a backslash
    return list(words)
