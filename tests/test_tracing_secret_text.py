"""The quick way to find secrets finds what the plain one does, wherever in a text they stand.

The plain way asks no gate and cuts nothing into blocks: it searches the whole text for places,
judges each, and starts again from the beginning as long as it has found anything.
"""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nbtrace.tracing.redaction import REDACTED, redact_text, redact_value
from nbtrace.tracing.secret_judges import JUDGES
from nbtrace.tracing.secret_patterns import Locator, lowered
from nbtrace.tracing.secret_text import BLOCK_CHARACTERS, redact_plain

LOCATOR = Locator()
_random = random.Random(11)


def _made_up(length: int) -> str:
    letters = string.ascii_letters + string.digits
    return "a1B" + "".join(_random.choice(letters) for _ in range(length - 3))


def plainly(text: str) -> str:
    """Redact a text the plain way; what stands beside AWS keys aside."""
    while True:
        parts = []
        done = position = 0
        while (match := LOCATOR.search(text, position)) is not None:
            position = match.end()
            judge = JUDGES[LOCATOR.kinds[match.lastindex or 0]]
            for start, end in judge(text, match.start()):
                if done <= start < end:
                    parts += [text[done:start], REDACTED]
                    done = position = end
        if not parts:
            return text
        text = "".join([*parts, text[done:]])


SECRETS = [_made_up(length) for length in (8, 16, 24, 40, 64, 300)]
NEARLY = [
    *(
        "hunter2",
        "",
        "x",
        "***",
        "${KEY}",
        "<token>",
        "YOUR_API_KEY",
        "[REDACTED]",
        "[REDA",
        "none",
    ),
    *("getpass()", "os.environ['A']", "self.token", "key, other", "12345", "\u00fcml\u00e4ut", "…"),
]
NAMES = [
    *("password", "API_KEY", "apiKey", "token", "max_tokens", "access_tokens", "Authorization"),
    *("key", "auth", "author", "Cookie", "client_secret", "jwt", "PGPASSWORD", "PaSsWoRd", "X_KEY"),
]
GIVES = [
    *("=", ": ", "='", '="', '": "', '\\": \\"', " = ", "=>", ", ", '", "', ": str = '", "=f'"),
    *("=[", "=('u', '", "==", ": Bearer ", ": Basic ", '="""', "\u00a0= ", "=SecretStr('"),
]
ENDS = ["", " ", "\n", "'", '"', '"""', ";", ",", "\\", "</x>", "&b=c", "')", "\u2028", "\u00e9"]
named = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "_", "my_", "?", "&", "--", "\\n", "<", '"', "'", "\u212a"]),
        st.sampled_from(NAMES),
        st.sampled_from(GIVES),
        st.sampled_from(SECRETS + NEARLY),
        st.sampled_from(ENDS),
    ),
)
marked = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(
            [
                *("sk-", "sk-proj-", "ghp_", "hf_", "xoxb-", "npm_", "eyJ", "r8_", "glpat-"),
                *("postgres://ada:", "?sig=", "&key=", "--password ", "--db-token Bearer "),
                *("bearer ", "Basic ", "-----BEGIN PRIVATE KEY-----\n", "\\u0026sig\\u003d"),
            ]
        ),
        st.sampled_from(SECRETS + NEARLY),
        st.sampled_from(["", "@db/x", " ", "\n", '"', "-----END PRIVATE KEY-----"]),
    ),
)
filler = st.builds(
    lambda text, length: (text * length)[:length],
    st.sampled_from(["lorem ipsum ", "the next token is a key; ", "\u00e9t\u00e9 ", "{}: "]),
    st.integers(1, 2 * BLOCK_CHARACTERS),
)
pieces = st.lists(st.one_of(named, marked, st.sampled_from(ENDS), st.text(max_size=5)), max_size=8)


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@given(parts=pieces)
@settings(max_examples=400, deadline=None)
@example(["--db-token Bearer ", SECRETS[3]])
def test_short_texts_are_redacted_as_the_plain_way_does(parts: list[str]) -> None:
    text = _clean("".join(parts))[:BLOCK_CHARACTERS]
    assert redact_plain(text, LOCATOR) == plainly(text)


@given(parts=st.lists(st.one_of(named, marked, filler), max_size=12))
@settings(max_examples=200, deadline=None)
def test_long_texts_keep_no_secret_that_the_plain_way_finds(parts: list[str]) -> None:
    text = _clean("".join(parts))
    quick, plain = redact_plain(text, LOCATOR), plainly(text)
    assert not [secret for secret in SECRETS if quick.count(secret) > plain.count(secret)]
    assert redact_plain(quick, LOCATOR) == quick


@given(parts=st.lists(st.one_of(named, marked, filler), max_size=6))
@settings(max_examples=200, deadline=None)
@example(["\u00e9", "password\u00a0=hunter22\u00a0"])
def test_the_gates_for_long_texts_let_no_place_through(parts: list[str]) -> None:
    text = _clean("".join(parts))
    if LOCATOR.search(text) is not None:
        low = lowered(text)
        assert len(low) == len(text)
        assert LOCATOR.has_name(low) or LOCATOR.has_mark(low)


@pytest.mark.parametrize("secret", SECRETS[1:4])
def test_a_secret_is_found_wherever_blocks_begin_and_end(secret: str) -> None:
    for before in range(0, 2 * BLOCK_CHARACTERS, 7):
        text = f"{('lorem ipsum ' * 90)[:before]}\nOPENAI_API_KEY='{secret}' and {'so on ' * 200}"
        assert redact_text(text) == text.replace(secret, REDACTED)
        assert redact_value(["password=x1y2z3", text])[1] == text.replace(secret, REDACTED)


HOSTILE = [
    *("key", "--", "a-", "://", "://a:b", "?key=", "\\u00", "-----BEGIN ", '"', "\\", " ", "_"),
    *('key="', "key=a", "key: a", "pass\\\\\\", "token, '", "secret>", "auth=(", "[REDACTED]"),
    *("authorization: bearer a", "Authorization: Bearer .", "eyJ.", "key-", "password: str = "),
    *("sk-a1", "Cookie: a=", "\u00e9", "sig=", "--a-token ", "password=aaaaaa", "A"),
]


@pytest.mark.parametrize("part", HOSTILE)
def test_hostile_text_does_not_hang(part: str) -> None:
    # What grows quadratically takes minutes here, what grows linearly a fraction of a second.
    text = part * (150_000 // len(part))
    assert redact_text(f"password=x1y2z3 {text}").startswith(f"password={REDACTED}")


def test_names_of_ones_own_beyond_ascii_are_found_in_long_texts() -> None:
    locator = Locator(("Kennwörter",))
    text = f"{'lorem ipsum ' * 50} KENNWÖRTER = 'geheim1' {'lorem ipsum ' * 50}"
    assert locator.is_suspicious(text)
    assert locator.search(text) is not None


def test_marks_of_other_programs_are_left_alone() -> None:
    text = 'password="[redacted]" api_key=[Redacted] ' + "lorem ipsum " * 90
    assert redact_text(text) is text
