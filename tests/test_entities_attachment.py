"""References to attachments, and the attachments themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_samples import png

from nbtrace.entities.attachment import (
    REFERENCE,
    Attachment,
    Reference,
    described,
    references_in,
)
from nbtrace.tracing import attachments

TRACE = "tr-" + "0a" * 16
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)


def test_mlflow_finds_it_where_it_is_there():
    assert attachments.Attachment is Attachment


@given(HEX, st.text(min_size=1, max_size=40), st.integers(1, 10**14))
def test_a_reference_says_what_was_written(attachment_id, content_type, size):
    reference = Reference(attachment_id, TRACE, content_type, size, "base64url")
    try:
        assert Reference.read(str(reference)) == reference
        assert REFERENCE.fullmatch(str(reference))
    except UnicodeEncodeError:
        assert any("\ud800" <= letter <= "\udfff" for letter in content_type)


def test_mlflows_form_is_written_and_read():
    found = Attachment(content_type="image/png", content_bytes=b"abc")
    reference = found.ref(TRACE)
    assert reference == (
        f"mlflow-attachment://{found.id}?content_type=image%2Fpng&trace_id={TRACE}&size=3"
    )
    assert Attachment.parse_ref(reference) == {
        "attachment_id": found.id,
        "content_type": "image/png",
        "trace_id": TRACE,
        "size": 3,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.org/image.png",
        "mlflow-attachment://",
        "mlflow-attachment://abc",
        "mlflow-attachment://abc?content_type=image%2Fpng",
        "mlflow-attachment://?content_type=image%2Fpng&trace_id=tr-1",
        "mlflow-attachment://[?content_type=a&trace_id=b",
    ],
)
def test_what_is_no_reference(text):
    assert Attachment.parse_ref(text) is None


@pytest.mark.parametrize("size", ["", "x", "-3", "0", "9" * 30])
def test_a_size_that_is_none_is_not_known(size):
    found = Attachment.parse_ref(
        f"mlflow-attachment://abc?content_type=a&trace_id=tr-1&size={size}"
    )
    assert found is not None
    assert found["size"] is None


def test_a_file_is_attached_with_the_type_its_name_says(tmp_path):
    path = tmp_path / "plot.png"
    path.write_bytes(png())
    found = Attachment.from_file(path)
    assert (found.content_type, found.content_bytes) == ("image/png", png())
    assert Attachment.from_file(path, "image/x-own").content_type == "image/x-own"
    (tmp_path / "odd").write_bytes(b"")
    assert Attachment.from_file(tmp_path / "odd").content_type == "application/octet-stream"


def test_the_same_content_is_the_same_attachment():
    one, other = (Attachment(content_type="image/png", content_bytes=b"abc") for _ in range(2))
    assert one == other
    assert len({one, other}) == 1
    assert one != Attachment(content_type="image/gif", content_bytes=b"abc")
    assert one != "abc"


def test_a_notebook_shows_a_picture():
    shown = Attachment(content_type="image/png", content_bytes=png())._repr_mimebundle_()
    assert shown["image/png"].startswith("iVBORw0KGgo")
    shown = Attachment(content_type="text/html", content_bytes=b"<b>")._repr_mimebundle_()
    assert list(shown) == ["text/plain"]


def test_references_are_found_in_plain_data_and_said_in_words():
    reference = Reference("0b" * 32, TRACE, "audio/wav", 16_044, "data")
    inner = f'{{"data":"{reference}"}}'
    assert references_in({"a": [1, inner, {"b": str(reference)}]}) == [reference, reference]
    assert described(inner) == '{"data":"[audio/wav, 16.0 kB]"}'
