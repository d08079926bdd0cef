"""Python's stack traces read back from their text: frames, and the chain of exceptions.

A recorded trace is text. It is read line by line, and whatever is not understood is left to the
text itself, which the panel shows too.
"""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nbtrace.widgets.detail_messages import FrameDetails, RaisedDetails

# More frames than this nobody reads; the whole text is beside them.
MAX_FRAMES = 200
MAX_CHAIN = 20
MAX_MESSAGE_CHARACTERS = 4_000
MAX_CODE_CHARACTERS = 400
# A trace is read for a person who waits.
MAX_TEXT_CHARACTERS = 400_000

_HEAD: Final = "Traceback (most recent call last):"
_CAUSE: Final = "The above exception was the direct cause of the following exception:"
_CONTEXT: Final = "During handling of the above exception, another exception occurred:"
# Exception groups draw a border to the left of their lines.
_BORDER: Final = re.compile(r"^[ ]*(?:\|[ ]?|\+[-+ ]{0,4})+")
_FRAME: Final = re.compile(r'^  File "(?P<file>.*?)", line (?P<line>\d+)(?:, in (?P<in>.*))?$')
_CELL: Final = re.compile(r"^  (?P<file>Cell In\[\d+\]), line (?P<line>\d+)(?:, in (?P<in>.*))?$")
_MARKERS: Final = re.compile(r"^[\s~^]+$")
_TYPE: Final = re.compile(r"^(?P<type>[\w.<>]+)(?:: ?(?P<message>.*))?$", re.DOTALL)
_LIBRARY: Final = re.compile(
    r"[/\\](?:site-packages|dist-packages|node_modules)[/\\]"
    r"|^<frozen |[/\\]lib[/\\]python3(?:\.\d+)?[/\\]|[/\\]Lib[/\\](?!site)"
)
_OWN_PACKAGE: Final = str(Path(__file__).parents[1])
_STANDARD_LIBRARY: Final = sysconfig.get_path("stdlib") or ""


def is_own(file: str) -> bool:
    """Tell whether a frame's file is the user's: of no library, not Python's, not nbtrace's.

    Examples
    --------
    >>> is_own("work.py"), is_own("/x/lib/python3.12/site-packages/openai/_client.py")
    (True, False)
    """
    if _LIBRARY.search(file) or file.startswith(_OWN_PACKAGE):
        return False
    return not (_STANDARD_LIBRARY and file.startswith(_STANDARD_LIBRARY))


def read_stack(text: str) -> list[RaisedDetails]:
    """Read a stack trace.

    Parameters
    ----------
    text : str
        What ``traceback.format_exception`` returns, joined.

    Returns
    -------
    list of RaisedDetails
        The exception that was seen, then what led to it, and so on; ``[]`` where the text is no
        stack trace of Python's.

    Examples
    --------
    >>> text = '''Traceback (most recent call last):
    ...   File "work.py", line 3, in ask
    ...     answer(1)
    ... ValueError: no
    ... '''
    >>> found = read_stack(text)[0]
    >>> found["type"], found["message"], found["frames"][0]["function"]
    ('ValueError', 'no', 'ask')
    """
    if _HEAD not in text[:MAX_TEXT_CHARACTERS]:
        return []
    chain: list[RaisedDetails] = []
    relation = ""
    block: list[str] = []
    for raw in text[:MAX_TEXT_CHARACTERS].splitlines():
        line = _BORDER.sub("", raw) if "|" in raw[:40] or raw.lstrip().startswith("+") else raw
        bare = line.strip()
        if bare in (_CAUSE, _CONTEXT):
            _close(chain, block, relation)
            relation = "cause" if bare == _CAUSE else "context"
            block = []
        else:
            block.append(line)
    _close(chain, block, relation)
    # Python tells the first exception first; a person asks for the last one.
    ordered = chain[::-1][:MAX_CHAIN]
    relations = [item["relation"] for item in ordered]
    for item, led in zip(ordered, ["", *relations], strict=False):
        item["relation"] = led
    return ordered


def _close(chain: list[RaisedDetails], lines: list[str], relation: str) -> None:
    """Read one exception, from its head to its message."""
    frames: list[FrameDetails] = []
    message: list[str] = []
    headed = False
    for line in lines:
        if line.strip().startswith(_HEAD) or line.strip() == f"Exception Group {_HEAD}":
            headed = True
            continue
        found = _FRAME.match(line) or _CELL.match(line) if headed and not message else None
        if found:
            frames.append(
                {
                    "file": found["file"],
                    "line": int(found["line"]),
                    "function": found["in"] or "",
                    "code": "",
                    "own": is_own(found["file"]),
                }
            )
        elif (headed and not message and line.startswith("    ")) or (
            headed and not message and line.startswith("  [Previous line repeated")
        ):
            _add_code(frames, line)
        elif headed and (line.strip() or message):
            message.append(line)
    if not headed:
        return
    told = _TYPE.match("\n".join(message).strip())
    kind, said = (told["type"], told["message"] or "") if told else ("", "\n".join(message).strip())
    chain.append(
        {
            "type": kind,
            "message": said[:MAX_MESSAGE_CHARACTERS],
            "relation": relation,  # type: ignore[typeddict-item]
            "frames": frames[-MAX_FRAMES:],
        }
    )


def _add_code(frames: list[FrameDetails], line: str) -> None:
    if frames and not _MARKERS.match(line):
        known = frames[-1]["code"]
        code = f"{known}\n{line[4:]}" if known else line[4:]
        frames[-1]["code"] = code[:MAX_CODE_CHARACTERS]
