"""What a span says of values that nobody meant to trace: what was cut, and by how much."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pytest

import nbtrace
from nbtrace.config import options
from nbtrace.entities import SpanEvent
from nbtrace.tracing import guarded
from nbtrace.tracing.failures import describe, exception_attributes, message_of, stack_of
from nbtrace.tracing.redaction import REDACTED, redact_text, redact_value
from nbtrace.tracing.texts import plain_text
from nbtrace.tracing.values import attribute_key, encode_attribute, encode_json


class Hostile:
    """Claims to be what it is not, and refuses everything it is asked."""

    def _refuse(self, *_: object) -> Any:
        msg = "hands off"
        raise RuntimeError(msg)

    __class__ = property(_refuse)  # type: ignore[assignment]
    __getattribute__ = __len__ = __iter__ = __eq__ = __hash__ = _refuse  # type: ignore[assignment]
    __bool__ = __str__ = __repr__ = __getitem__ = __contains__ = _refuse


class RaisingText(Exception):  # noqa: N818 - what it does
    def __str__(self) -> str:
        msg = "no"
        raise ValueError(msg)


def raised(error: BaseException) -> BaseException:
    try:
        raise error  # noqa: TRY301 - that it has a traceback
    except BaseException as caught:
        return caught


def test_a_hostile_object_is_recorded_wherever_it_is_given() -> None:
    value = Hostile()

    @nbtrace.trace
    def give(taken: Any) -> Any:
        return taken

    with nbtrace.start_span("root") as span:
        span.set_inputs(value)
        span.set_attribute("a", value)
        span.add_event(SpanEvent("e", attributes={"v": value}))
        nbtrace.update_current_trace(tags={"t": value})
        assert give(value) is value
    found = nbtrace.get_trace(span.trace_id)
    said = "Hostile: its __repr__ raised RuntimeError>"
    assert said in found.data.spans[0].inputs
    assert said in found.data.spans[0].attributes["a"]
    assert said in found.data.spans[0].events[0].attributes["v"]
    assert said in found.info.tags["t"]
    assert said in found.data.spans[1].outputs


def test_a_slow_repr_is_called_once_and_the_span_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "SLOW_CALL_NS", 1_000)
    calls = []

    class Slow:
        def __repr__(self) -> str:
            calls.append(1)
            time.sleep(0.001)
            return "slow one"

    first = json.loads(encode_json(Slow()))
    assert first == "slow one … [nbtrace: its __repr__ is slow and is not called again]"
    assert json.loads(encode_json(Slow())).endswith("Slow: its __repr__ was slow before>")
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (3, "3"),
        (True, "True"),
        (None, "None"),
        ([1, "a"], "[1, 'a']"),
        ("x" * 200_000, "x" * 100_000 + "… [nbtrace: 100,000 of 200,000 characters kept]"),
        (1 << 100_000, "<int of 100,001 bits>"),
        ("password=hunter2", f"password={REDACTED}"),
        ("a\ud800", "a\ufffd"),
    ],
    ids=lambda value: str(value)[:12] if not isinstance(value, int) else "int",
)
def test_tags_are_short_redacted_text(value: Any, text: str) -> None:
    assert plain_text(value) == text


def test_a_tag_of_a_large_list_says_how_much_was_kept() -> None:
    assert "of 1,000,000 items kept]" in plain_text(list(range(1_000_000)))


def test_attribute_keys_are_redacted_and_bounded() -> None:
    assert attribute_key("llm.model") == "llm.model"
    assert attribute_key("password=hunter2") == f"password={REDACTED}"
    assert attribute_key("k" * 5_000).endswith("… [nbtrace: 1,000 of 5,000 characters kept]")
    assert attribute_key(5) == "5"


def test_exception_messages_stay_pythons_own_words() -> None:
    for error in (
        ValueError("no"),
        ValueError(),
        KeyError("name"),
        ValueError(1, "two"),
        OSError(2, "No such file", "/tmp/x"),
        RuntimeError(ValueError("inner")),
        UnicodeDecodeError("utf-8", b"\xff" * 100, 0, 1, "bad"),
    ):
        assert message_of(error) == str(error)
    assert stack_of(raised(ValueError("no"))).endswith("ValueError: no\n")


def test_enormous_exceptions_say_what_was_cut() -> None:
    large = ValueError("x" * 1_000_000)
    assert message_of(large).endswith("… [nbtrace: 100,000 of 1,000,000 characters kept]")
    assert "of 1,000,000 items kept]" in message_of(ValueError(list(range(1_000_000))))
    assert message_of(RaisingText()).endswith("RaisingText: its __str__ raised ValueError>")
    noted = ValueError("noted")
    for number in range(1_000):
        noted.add_note(f"note {number}")
    stack = stack_of(noted)
    assert "note 63\n" in stack
    assert "note 64\n" not in stack
    assert "[nbtrace: 64 of 1,000 notes kept]" in stack
    group = ExceptionGroup("many", [ValueError(str(number)) for number in range(1_000)])
    assert message_of(group) == "many (1,000 sub-exceptions)"
    stack = stack_of(raised(group))
    assert "ValueError: 14\n" in stack
    assert "[nbtrace: 15 of 1,000 exceptions kept]" in stack


def test_deep_stacks_and_long_chains_are_cut() -> None:
    def recurse(depth: int) -> None:
        if depth == 0:
            msg = "deep"
            raise RecursionError(msg)
        recurse(depth - 1)

    try:
        recurse(min(500, sys.getrecursionlimit() - 300))
    except RecursionError as error:
        stack = stack_of(error)
    assert "… [nbtrace: 64 of 502 frames kept]" in stack
    assert stack.endswith("RecursionError: deep\n")
    previous: Exception | None = None
    for number in range(100):
        error = ValueError(f"number {number}")
        error.__cause__ = previous
        previous = error
    assert previous is not None
    stack = stack_of(previous)
    assert "[nbtrace: the last 16 chained exceptions kept]" in stack
    assert stack.endswith("ValueError: number 99\n")


def test_secrets_in_exceptions_are_redacted() -> None:
    error = KeyError({"password": "hunter2-only"})
    error.add_note("password=hunter2-only")
    text = json.dumps([describe(error), exception_attributes(raised(error))])
    assert "hunter2" not in text
    assert REDACTED in text


DENSE = ["password=x1y2z3a4;", "Authorization: Bearer a1b2c3d4e5f6g7h8i9\n", "api_key='abc123' "]


@pytest.mark.parametrize("part", DENSE)
def test_beyond_its_allowance_a_text_is_left_out_and_says_so(part: str) -> None:
    text = part * 3_000
    redacted = redact_text(text)
    assert redacted.count(REDACTED) >= 128
    assert redacted.endswith(" characters, too many secrets to examine]")
    assert not any(secret in redacted for secret in ("x1y2", "a1b2", "abc123"))
    assert redact_text(redacted) == redacted


def test_one_secret_a_kilobyte_never_uses_up_the_allowance() -> None:
    text = "".join(f"{'lorem ipsum ' * 80}\npassword=hunter{n:06d}\n" for n in range(2_000))
    redacted = redact_text(text)
    assert redacted.count(f"password={REDACTED}\n") == 2_000
    assert "too many" not in redacted


def test_the_allowance_is_that_of_the_value_not_of_each_text() -> None:
    value = ["fine"] + [DENSE[0] * 50] * 1_000 + [{"n": 1}, "fine too"]
    redacted = redact_value(value)
    assert redacted[0] == "fine"
    assert redacted[-2:] == [{"n": 1}, "fine too"]
    assert redacted[1] == f"password={REDACTED};" * 50
    assert redacted[-3] == "[REDACTED: 900 characters, too many secrets to examine]"
    assert "x1y2" not in json.dumps(redacted)
    assert redact_value(redacted) == redacted


def test_large_json_is_redacted_in_pieces_as_in_whole() -> None:
    rows: list[Any] = [{"role": "user", "n": number} for number in range(1_000)]
    rows[500] = {"password": "hunter2"}
    rows[31:33] = ["--password", "hunter2"]
    table = {f"k{number}": number for number in range(1_000)} | {"api_key": "hunter2"}
    redacted = redact_value([rows, table, 2**64 - 1])
    assert redacted[0][500] == {"password": REDACTED}
    assert redacted[0][31:33] == ["--password", REDACTED]
    assert redacted[0][499] is rows[499]
    assert redacted[1] == table | {"api_key": REDACTED}
    assert json.loads(encode_json([rows, table]))[1]["api_key"] == REDACTED
    big = json.dumps([12345678901234567890123, *rows])
    assert json.loads(redact_text(big))[0] == 12345678901234567890123


def test_what_json_escapes_counts_for_the_size_of_a_value() -> None:
    for value in (['"\\\n' * 33] * 10_000, {f"k{n}": '\\"' * 40 for n in range(10_000)}):
        assert len(encode_json(value)) <= 1.1 * options.max_value_bytes
    plain = ["nothing here is escaped, at all"] * 5_000
    assert json.loads(encode_json(plain)) == plain


def test_a_value_beyond_a_thousand_characters_is_hidden_to_its_end() -> None:
    value = "a1B2" * 5_000
    for before in ("password=", "--password ", "https://x.io/?api_key=", "x?sig="):
        assert redact_text(f"{before}{value} end") == f"{before}{REDACTED} end"


def test_large_integers_are_bounded() -> None:
    kept = json.loads(encode_json([2**4_000 + n for n in range(10_000)]))
    assert kept[0] == str(2**4_000)
    assert kept[-1].endswith("of 10,000 items kept]")
    assert encode_attribute(1 << 100_000) == "<int of 100,001 bits>"
