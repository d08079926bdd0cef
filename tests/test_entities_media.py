"""Media in texts: what is taken out is exactly what comes back, and nothing else is touched."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace.entities.attachment import Attachment, Reference
from nbtrace.entities.media import (
    MAX_CHARACTERS,
    MIN_MEDIA_CHARACTERS,
    decoded,
    may_hold_media,
    put_back,
    sniffed,
    take_out,
)

TRACE = "tr-" + "0a" * 16
# How content of each type begins.
HEADS = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff\xe0",
    "image/gif": b"GIF89a",
    "image/webp": b"RIFF\0\0\0\0WEBP",
    "image/bmp": b"BM\0\0\0\0\0\0\0\0",
    "image/avif": b"\0\0\0 ftypavif",
    "audio/wav": b"RIFF\0\0\0\0WAVE",
    "audio/mpeg": b"ID3\x04",
    "audio/ogg": b"OggS",
    "audio/flac": b"fLaC",
    "audio/mp4": b"\0\0\0 ftypM4A ",
    "video/mp4": b"\0\0\0 ftypisom",
    "video/webm": b"\x1aE\xdf\xa3",
    "application/pdf": b"%PDF-1.7",
    "application/zip": b"PK\x03\x04",
}


class Kept(dict):
    """Takes content and gives it back, as the store does."""

    def take(self, content, content_type, encoding):
        found = Attachment(content_type=content_type, content_bytes=content)
        self[found.id] = content
        return str(Reference(found.id, TRACE, content_type, len(content), encoding))

    def read(self, reference):
        return self.get(reference.attachment_id)


def content(kind="image/png", length=20_000, seed=7):
    noise = bytes((seed * place * place + place) % 256 for place in range(256))
    return (HEADS.get(kind, b"") + noise * (length // 256 + 1))[:length]


def data_url(kind="image/png", length=20_000):
    return f"data:{kind};base64,{base64.b64encode(content(kind, length)).decode()}"


# Whatever may stand around media, escaped or not, and what looks like a part of it.
AROUND = st.one_of(
    st.text(max_size=20),
    st.sampled_from([
        "", "=", "==", "&encoding=base64", "url", "%", ".", "-", "data:", "data:image/png;base64,",
        "&x=1", "\\u003d", "\\n", '"', "mlflow-attachment://", "!", "123", "/", "+",
        f"mlflow-attachment://{'0a' * 32}?content_type=image%2Fpng&trace_id={TRACE}&size=1",
    ]),
)  # fmt: skip
TYPES = st.sampled_from([*HEADS, "audio/L16;rate=24000", "text/csv", "image/svg+xml"])
PIECES = st.one_of(
    AROUND,
    st.builds(data_url, TYPES, st.integers(100, 30_000)),
    st.builds(
        lambda kind, length: base64.b64encode(content(kind, length)).decode(),
        TYPES,
        st.integers(100, 30_000),
    ),
    st.builds(
        lambda kind, length: base64.urlsafe_b64encode(content(kind, length)).decode(),
        TYPES,
        st.integers(100, 30_000),
    ),
    st.builds(lambda letter, count: letter * count, st.sampled_from("Aa/-=x"), st.just(9_000)),
)


@given(st.lists(PIECES, max_size=6).map("".join))
def test_what_is_taken_out_comes_back_as_it_was(text):
    kept = Kept()
    assert put_back(take_out(text, kept.take), kept.read) == text


@given(st.recursive(PIECES, lambda inner: st.lists(inner, max_size=3), max_leaves=4))
def test_json_in_json_stays_json(value):
    text = json.dumps({"inner": json.dumps(value)})
    kept = Kept()
    short = take_out(text, kept.take)
    json.loads(json.loads(short)["inner"])
    assert put_back(short, kept.read) == text


@pytest.mark.parametrize("kind", HEADS)
def test_types_are_seen_by_how_content_begins(kind):
    assert sniffed(content(kind)) == kind
    kept = Kept()
    bare = base64.b64encode(content(kind)).decode()
    reference = Reference.read(take_out(f'{{"data":"{bare}"}}', kept.take)[9:-2])
    assert reference is not None
    assert (reference.content_type, reference.size) == (kind, 20_000)
    assert kept[reference.attachment_id] == content(kind)


def test_the_type_that_is_said_counts():
    kept = Kept()
    pcm = content("", 30_000)
    text = "data:audio/L16;rate=24000;base64," + base64.b64encode(pcm).decode()
    reference = Reference.read(take_out(text, kept.take))
    assert reference is not None
    assert reference.content_type == "audio/L16;rate=24000"


def test_a_picture_in_a_markdown_text_and_the_words_around_it():
    kept = Kept()
    text = f"See ![the plot]({data_url()}). And {data_url('audio/wav')}!"
    short = take_out(text, kept.take)
    assert len(short) < 500
    assert short.startswith("See ![the plot](mlflow-attachment://")
    assert len(kept) == 2
    assert put_back(short, kept.read) == text


@pytest.mark.parametrize(
    "text",
    [
        "x" * 100_000,
        "A" * 100_000,
        "word " * 20_000,
        data_url(length=1_000),
        base64.encodebytes(content()).decode(),  # with line breaks
        base64.b64encode(content("")).decode(),  # nobody knows what it is
        data_url() + "A",  # no length of base64
        data_url().replace("A", "-", 1).replace("B", "+", 1),
    ],
    ids=["letters", "zeros", "words", "small", "lines", "unknown", "length", "alphabets"],
)
def test_what_is_no_media_or_not_spelled_so_is_left(text):
    kept = Kept()
    assert take_out(text, kept.take) is text
    assert not kept


def test_what_is_not_kept_is_left():
    text = data_url()
    assert take_out(text, lambda *_: None) is text


def test_a_reference_that_nobody_knows_is_left():
    reference = str(Reference("0b" * 32, TRACE, "image/png", 3, "data"))
    assert put_back(f"see {reference}.", lambda _: None) == f"see {reference}."
    foreign = "mlflow-attachment://0b1c-2d?content_type=image%2Fpng&trace_id=tr-1&size=3"
    assert put_back(foreign, lambda _: b"abc") == foreign


def test_only_texts_of_a_length_are_looked_at():
    assert not may_hold_media("A" * (MIN_MEDIA_CHARACTERS - 1))
    assert not may_hold_media("A" * (MAX_CHARACTERS + 1))
    assert may_hold_media(" " * 5_000 + "A" * (MIN_MEDIA_CHARACTERS + 100))


@given(st.binary(max_size=40), st.booleans())
def test_base64_is_read_as_it_is_written(raw, url):
    write = base64.urlsafe_b64encode if url else base64.b64encode
    text = write(raw).decode()
    found = decoded(text)
    assert found is not None
    assert found[0] == raw
