"""What is recorded of an exception: its type, its message, its stack, each bounded and redacted.

``str()`` of an exception writes all of its arguments, a traceback formats every exception of a
group and all notes: with a gigabyte in one of them that takes seconds. So the message is written
from the arguments, bounded as any other value, unless they are few and small, as they nearly always
are; then Python's own words are kept, to the letter.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import orjson

from nbtrace.config import options
from nbtrace.tracing.encoders import SPOKEN, find_encoder
from nbtrace.tracing.guarded import call_guarded
from nbtrace.tracing.redaction import redact_text, without_surrogates
from nbtrace.tracing.snapshot import cut_mark, cut_text, type_name
from nbtrace.tracing.values import encode_json, is_small

if TYPE_CHECKING:
    from types import TracebackType

# A stack deeper than this is recursion; its end tells the story.
STACK_FRAMES = 64
# Causes of causes; retries chain a few, a loop that raises from its own last error thousands.
CHAINED_ERRORS = 16
# As many as `traceback` shows of a group.
GROUP_ERRORS = 15
NOTES = 64
NOTE_CHARACTERS = 2_000
_SAFE_CODES = (SyntaxError, UnicodeError)


def _argument_text(argument: Any) -> str:
    if type(argument) is str:
        return cut_text(argument, options.max_string_characters)
    if BaseException in type(argument).__mro__:
        return message_of(argument)
    if find_encoder(type(argument)) in SPOKEN:
        done, text = call_guarded(lambda: str(argument), type(argument))
        if done:
            return cut_text(text, options.max_string_characters)
        return f"<{type_name(type(argument))}: its __str__ {text}>"
    encoded = encode_json(argument)
    return str(orjson.loads(encoded)) if encoded.startswith('"') else encoded


def message_of(error: BaseException) -> str:
    """Return the message of an exception, bounded, not yet redacted where it is short.

    Parameters
    ----------
    error : BaseException
        Nothing of it is changed.

    Examples
    --------
    >>> message_of(KeyError("name")), message_of(ValueError())
    ("'name'", '')
    """
    kind = type(error)
    try:
        if isinstance(error, BaseExceptionGroup):
            message = cut_text(error.message, NOTE_CHARACTERS)
            return f"{message} ({len(error.exceptions):,} sub-exceptions)"
        # typeshed does not know that `args` is a descriptor; a class may have an `args` of its own
        arguments = list(BaseException.args.__get__(error, kind))  # type: ignore[attr-defined]
        own_words = type(kind.__str__).__name__ == "function"
        if own_words or isinstance(error, _SAFE_CODES) or is_small(arguments):
            done, text = call_guarded(lambda: str(error), kind)
            if done:
                return cut_text(text, options.max_string_characters)
            return f"<{type_name(kind)}: its __str__ {text}>"
        texts = [_argument_text(argument) for argument in arguments]
    except Exception:
        return "<str() of the exception failed>"
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def _named(error: BaseException, message: str) -> str:
    name = type_name(type(error))
    return f"{name}: {message}" if message else name


def _notes(error: BaseException) -> tuple[list[str], int]:
    notes = getattr(error, "__notes__", None)
    if type(notes) is not list:
        return [], 0
    kept = [cut_text(note, NOTE_CHARACTERS) for note in notes[:NOTES] if type(note) is str]
    return kept, len(notes)


def _before(error: BaseException) -> tuple[BaseException | None, str]:
    """Return the exception that was there before, and what Python says of it."""
    if error.__cause__ is not None:
        return (
            error.__cause__,
            "\nThe above exception was the direct cause of the following exception:\n\n",
        )
    if error.__suppress_context__:
        return None, ""
    between = "\nDuring handling of the above exception, another exception occurred:\n\n"
    return error.__context__, between


def _is_ordinary(error: BaseException | None) -> bool:
    """Return whether ``traceback`` writes an exception and what led to it at once."""
    for _ in range(CHAINED_ERRORS):
        if error is None:
            return True
        if isinstance(error, BaseExceptionGroup) or getattr(error, "__notes__", None):
            return False
        # typeshed does not know that `args` is a descriptor; a class may have an `args` of its own
        arguments = list(BaseException.args.__get__(error, type(error)))  # type: ignore[attr-defined]
        spoken = type(type(error).__str__).__name__ == "function"
        if spoken or not (isinstance(error, _SAFE_CODES) or is_small(arguments)):
            return False
        error = _before(error)[0]
    return False


def _last_frames(stack: TracebackType | None) -> tuple[TracebackType | None, int]:
    """Return where the last frames of a stack begin, and how many there are in all."""
    total = 0
    frame = stack
    while frame is not None:
        total += 1
        frame = frame.tb_next
    for _ in range(total - STACK_FRAMES):
        stack = stack.tb_next if stack is not None else None
    return stack, total


def _frames(error: BaseException) -> str:
    begin, total = _last_frames(error.__traceback__)
    if begin is None:
        return ""
    cut = f"  {cut_mark(STACK_FRAMES, total, 'frames')}\n" if total > STACK_FRAMES else ""
    lines = "".join(traceback.format_tb(begin))
    return f"Traceback (most recent call last):\n{cut}{lines}"


def _one(error: BaseException, indent: str = "") -> str:
    """Write one exception with its stack, its notes and the first of its group."""
    text = f"{_frames(error)}{_named(error, message_of(error))}\n"
    notes, total = _notes(error)
    text += "".join(f"{note}\n" for note in notes)
    if total > len(notes):
        text += f"{cut_mark(len(notes), total, 'notes')}\n"
    if isinstance(error, BaseExceptionGroup) and not indent:
        inner = error.exceptions
        for number, one in enumerate(inner[:GROUP_ERRORS], 1):
            text += f"  +---------------- {number} ----------------\n{_one(one, '  | ')}"
        if len(inner) > GROUP_ERRORS:
            text += f"  {cut_mark(GROUP_ERRORS, len(inner), 'exceptions')}\n"
    return "".join(f"{indent}{line}" for line in text.splitlines(keepends=True))


def _chained(error: BaseException) -> str:
    """Write an exception and those that led to it, the first one first."""
    texts = [_one(error)]
    seen = {id(error)}
    previous, between = _before(error)
    while previous is not None and id(previous) not in seen:
        if len(seen) >= CHAINED_ERRORS:
            texts.append(f"… [nbtrace: the last {CHAINED_ERRORS} chained exceptions kept]\n")
            break
        seen.add(id(previous))
        texts += [between, _one(previous)]
        previous, between = _before(previous)
    return "".join(reversed(texts))


def stack_of(error: BaseException) -> str:
    r"""Return the stack trace of an exception as text, bounded.

    Parameters
    ----------
    error : BaseException
        Nothing of it is changed.

    Returns
    -------
    str
        As Python prints it; each cut marked.

    Examples
    --------
    >>> stack_of(ValueError("no"))
    'ValueError: no\n'
    """
    try:
        begin, total = _last_frames(error.__traceback__)
        if total > STACK_FRAMES or not _is_ordinary(error):
            return _chained(error)
        found = traceback.TracebackException(type(error), error, begin, limit=-STACK_FRAMES)
        return "".join(found.format())
    except Exception:
        return "<the stack trace could not be formatted>"


def _kept(text: str) -> str:
    return redact_text(without_surrogates(text))


def describe(error: BaseException) -> str:
    """Return ``Type: message`` of an exception, bounded and redacted.

    Examples
    --------
    >>> describe(ValueError("password=hunter2"))
    'ValueError: password=[REDACTED]'
    """
    message = message_of(error)
    name = type(error).__name__
    return _kept(f"{name}: {message}" if message else name)


def exception_attributes(error: BaseException) -> dict[str, Any]:
    """Return OpenTelemetry's attributes of an exception, bounded and redacted.

    Parameters
    ----------
    error : BaseException
        The exception.

    Returns
    -------
    dict
        ``exception.type``, ``exception.message``, ``exception.stacktrace``.
    """
    return {
        "exception.type": type_name(type(error)),
        "exception.message": _kept(message_of(error)),
        "exception.stacktrace": _kept(stack_of(error)),
    }
