"""Makes ``%%trace`` a comment, so that the cell under it is run as any other cell.

A real cell magic gets its body as text and has to run it by itself, which costs the top-level
``await``, the line numbers and much else. So the first line of a traced cell becomes
``#%%trace ...`` before IPython looks at it, and the cell events start and end the trace around a
normal run. Where that cannot be, the line stays and the magic of the same name answers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.inputtransformer2 import (
    classic_prompt,
    ipython_prompt,
    leading_empty_lines,
    leading_indent,
)

from nbtrace.notebook.arguments import TraceArguments, parse_cell_line
from nbtrace.notebook.frames import cell_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

Lines = list[str]

# What IPython does to a cell before it asks the transformer, in the same order.
_without_empty_lines: Callable[[Lines], Lines] = leading_empty_lines
_without_indent: Callable[[Lines], Lines] = leading_indent
_without_prompts: Callable[[Lines], Lines] = classic_prompt
_without_numbered_prompts: Callable[[Lines], Lines] = ipython_prompt
_cleaning = (
    _without_empty_lines,
    _without_indent,
    _without_prompts,
    _without_numbered_prompts,
)
_trace_line = re.compile(r"%%trace(?:[ \t]+(?P<arguments>.*?))?[ \t]*\r?\n?")


class TraceLineTransformer:
    r"""An input transformer for one shell.

    Parameters
    ----------
    shell : InteractiveShell
        The shell whose ``input_transformers_cleanup`` it is appended to.

    Examples
    --------
    >>> from IPython.core.interactiveshell import InteractiveShell
    >>> transform = TraceLineTransformer(InteractiveShell.instance())
    >>> transform(["%%trace\n", "1 + 1\n"])
    ['#%%trace\n', '1 + 1\n']
    """

    # Without it the terminal's check for complete input sees the comment instead of a cell magic,
    # and runs the cell at the first Enter.
    has_side_effects = True

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell

    def __call__(self, lines: Lines) -> Lines:
        """Return the lines of a cell with its ``%%trace`` line out of the way.

        Parameters
        ----------
        lines : list of str
            The lines of the cell, each with its line end.

        Returns
        -------
        list of str
            The lines unchanged where the magic has to answer: inside a running cell (a nested
            run by ``%%time`` and the like), with a body that is empty, with options that are wrong.
        """
        try:
            count = _count_trace_lines(lines)
            body = lines[count:]
            # The magic answers for an empty body, and IPython leaves a nested run to it.
            if count == 0 or _is_blank(body) or cell_frame(self._shell) is not None:
                return lines
            if _arguments(lines[0]) is None:
                return lines
            return _without_trace_line(lines[:count], body)
        except Exception:  # an input transformer that raises keeps the cell from running
            return lines


def traced_arguments(raw_cell: str) -> TraceArguments | None:
    r"""Return the options of a cell that begins with ``%%trace`` and is traced as a normal cell.

    Parameters
    ----------
    raw_cell : str
        The cell as it was typed.

    Returns
    -------
    TraceArguments or None
        None for a cell without ``%%trace``, for one that the magic has to refuse, and for one
        whose body holds nothing but comments, since there is nothing to trace.

    Examples
    --------
    >>> traced_arguments("%%trace answers\nask()").name
    'answers'
    >>> traced_arguments("ask()") is None
    True
    """
    if "%%trace" not in raw_cell:
        return None
    lines = raw_cell.splitlines(keepends=True)
    for clean in _cleaning:
        lines = clean(lines)
    count = _count_trace_lines(lines)
    return _arguments(lines[0]) if count and has_code(lines[count:]) else None


def has_code(lines: Lines) -> bool:
    r"""Tell whether any of the lines is more than white space and comments.

    Parameters
    ----------
    lines : list of str
        Lines of a cell.

    Returns
    -------
    bool
        False for a cell that does nothing.

    Examples
    --------
    >>> has_code(["# later\n", "\n"])
    False
    """
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)


def _arguments(line: str) -> TraceArguments | None:
    match = _trace_line.fullmatch(line)
    try:
        return parse_cell_line(match["arguments"] or "") if match else None
    except UsageError:
        return None


def _count_trace_lines(lines: Lines) -> int:
    count = 0
    while count < len(lines) and _trace_line.fullmatch(lines[count]):
        count += 1
    return count


def _is_blank(lines: Lines) -> bool:
    return not any(line.strip() for line in lines)


def _without_trace_line(trace_lines: Lines, body: Lines) -> Lines:
    code = _without_empty_lines(body)
    if code[0].startswith("%%"):
        return code  # IPython knows a cell magic by the first line of the cell
    empty = body[: len(body) - len(code)]
    return [*("#" + line for line in trace_lines), *empty, *_without_indent(code)]
