"""Pictures, sound and binary data in what is traced: kept beside the span, whole and private."""

from __future__ import annotations

import json
import threading

import pytest
from media_samples import base64_of, data_url, png, wav
from opentelemetry.sdk.trace import TracerProvider
from PIL import Image

import nbtrace
from nbtrace.entities.attachment import Reference
from nbtrace.otel.conventions import view
from nbtrace.store import current_store
from nbtrace.tracing.attachments import Attachment
from nbtrace.tracing.processor import SpanProcessor

BINARY = bytes(range(256)) * 40
SECRET = b"password=hunter2hunter2 "


def recorded(value):
    with nbtrace.start_span("look") as span:
        span.set_inputs(value)
    [found] = nbtrace.get_trace(span.trace_id).data.spans
    return found


def on_disk():
    root = current_store().directory / "attachments"
    return [path for path in root.rglob("*") if path.is_file()]


def content_of(text):
    return nbtrace.get_attachment(text).content_bytes


CHATS = {
    "openai chat": (
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": data_url(png())}}]},
        "image",
        png(),
    ),
    "openai responses": (
        {"role": "user", "content": [{"type": "input_image", "image_url": data_url(png())}]},
        "image",
        png(),
    ),
    "openai audio": (
        {
            "role": "user",
            "content": [
                {
                    "type": "input_audio",
                    "input_audio": {"data": base64_of(wav()), "format": "wav"},
                }
            ],
        },
        "audio",
        wav(),
    ),
    "anthropic": (
        {
            "role": "user",
            "content": [
                {
                    "type": "image",
                    "source": {
                        "type": "base64",
                        "media_type": "image/png",
                        "data": base64_of(png()),
                    },
                }
            ],
        },
        "image",
        png(),
    ),
    "gemini": (
        {
            "role": "user",
            "parts": [{"inline_data": {"mime_type": "image/png", "data": base64_of(png())}}],
        },
        "image",
        png(),
    ),
    "gemini bytes": (
        {"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": png()}}]},
        "image",
        png(),
    ),
    "bedrock bytes": (
        {
            "role": "user",
            "content": [{"image": {"format": "png", "source": {"bytes": png()}}}],
        },
        "image",
        png(),
    ),
}


@pytest.mark.parametrize("name", CHATS)
def test_a_message_keeps_its_media_whole(name):
    message, kind, content = CHATS[name]
    span = recorded({"model": "m", "messages": [message, {"role": "user", "content": "What?"}]})
    assert len(span.raw_attributes["mlflow.spanInputs"]) < 1_000
    [part] = view(span).input_messages[0].parts
    assert part.kind == kind
    assert content_of(part.uri) == content
    assert Reference.read(part.uri).content_type.startswith(kind)
    assert [found.content_bytes for found in span.attachments] == [content]


def test_the_same_picture_in_every_call_is_kept_once():
    message = {"role": "user", "content": [{"type": "text", "text": data_url(png())}]}
    with nbtrace.start_span("root") as root:
        for _ in range(5):
            with nbtrace.start_span("call") as span:
                span.set_inputs([message])
                span.set_outputs(png())
    assert len(on_disk()) == 1
    with nbtrace.start_span("other") as other:
        other.set_inputs([message])
    assert sorted({path.parent.name for path in on_disk()}) == sorted(
        {root.trace_id, other.trace_id}
    )


def test_a_picture_that_was_hidden_first_is_kept_when_it_is_shown():
    text = data_url(png())
    with nbtrace.start_span("look") as span:
        span.set_inputs({"password": text})
        assert on_disk() == []
        for _ in range(2):
            span.set_outputs({"image": text})
    [found] = nbtrace.get_trace(span.trace_id).data.spans
    assert content_of(found.outputs["image"]) == png()


def test_an_attachment_object_is_kept_as_it_is():
    span = recorded({"report": Attachment(content_type="text/x-own", content_bytes=b"abc")})
    [found] = span.attachments
    assert (found.content_type, found.content_bytes) == ("text/x-own", b"abc")
    assert content_of(span.inputs["report"]) == b"abc"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_are_kept_whole(kind):
    value = recorded({"blob": kind(BINARY)}).inputs["blob"]
    assert value["length"] == len(BINARY)
    assert content_of(value["content"]) == BINARY


def test_small_and_readable_bytes_stay_where_they_are():
    icon = png(10, 10)
    value = recorded({"icon": icon, "digest": bytes(64), "text": b"words " * 2_000}).inputs
    assert value["icon"]["content"] == data_url(icon)
    assert value["digest"]["base64"].startswith("AAAA")
    assert value["text"]["text"].startswith("words words")
    assert on_disk() == []


def test_a_pil_image_is_kept_with_its_pixels():
    image = Image.new("RGB", (400, 300), (200, 10, 10))
    value = recorded(image).inputs
    assert value["thumbnail"].startswith("data:image/png;base64,")
    [path] = on_disk()
    with Image.open(path) as kept:
        assert kept.size == (400, 300)
        assert kept.getpixel((399, 299)) == (200, 10, 10)


def test_a_large_pil_image_is_kept_smaller_and_says_so():
    value = recorded(Image.new("RGBA", (2_000, 1_000), (200, 10, 10, 128))).inputs
    width, height = value["content_size"]
    assert width * height <= 400_000
    with Image.open(on_disk()[0]) as kept:
        assert (kept.size, kept.mode) == ((width, height), "RGBA")


@pytest.mark.parametrize(
    "value",
    [
        {"password": data_url(png())},
        {"headers": {"authorization": base64_of(png())}},
        {"private_key": Attachment(content_type="image/png", content_bytes=png())},
    ],
    ids=["password", "authorization", "object"],
)
def test_what_stands_under_the_name_of_a_secret_is_never_written(value):
    span = recorded(value)
    assert "[REDACTED]" in span.raw_attributes["mlflow.spanInputs"]
    assert on_disk() == []


def test_what_is_no_picture_and_holds_a_secret_is_not_kept():
    text = data_url(SECRET * 1_000, "text/csv")
    value = recorded({"rows": text, "blob": SECRET + BINARY, "picture": png() + SECRET}).inputs
    assert value["rows"] == "[nbtrace: text/csv of 24,000 bytes not kept: it holds a secret]"
    assert value["blob"]["content"].endswith("not kept: it holds a secret]")
    assert content_of(value["picture"]["content"]) == png() + SECRET
    assert len(on_disk()) == 1


def test_redaction_leaves_the_rest_of_the_value_and_the_picture():
    value = recorded({"url": "postgres://ada:hunter2@host/db", "image": data_url(png())}).inputs
    assert value["url"] == "postgres://ada:[REDACTED]@host/db"
    assert content_of(value["image"]) == png()


def test_limits_leave_a_remark():
    with nbtrace.configure(max_attachment_bytes=1_000):
        value = recorded({"image": data_url(png()), "blob": BINARY}).inputs
    assert value["image"].endswith("bytes not kept: max_attachment_bytes is 1,000]")
    assert value["blob"]["content"].endswith("max_attachment_bytes is 1,000]")
    with nbtrace.configure(max_trace_attachment_bytes=50_000):
        value = recorded({"image": data_url(png()), "sound": data_url(wav(), "audio/wav")}).inputs
    assert content_of(value["image"]) == png()
    assert value["sound"].endswith("the attachments of the trace would exceed 50,000 bytes]")
    value = recorded({"blob": bytes(4_000_001), "known": png() + bytes(4_000_001)}).inputs
    assert value["blob"]["content"].endswith("not kept: too large to be searched for secrets]")
    assert len(content_of(value["known"]["content"])) > 4_000_001
    many = recorded([BINARY + bytes([place]) for place in range(150)]).inputs
    assert sum(item["content"].startswith("mlflow-attachment:") for item in many) == 100
    assert many[-1]["content"].endswith("the value holds more than 100 of them]")


def test_it_can_be_switched_off():
    with nbtrace.configure(extract_attachments=False):
        value = recorded({"image": data_url(png() * 4), "blob": BINARY}).inputs
    assert "characters kept]" in value["image"]
    assert "content" not in value["blob"]
    assert on_disk() == []


def test_what_a_function_takes_returns_and_yields():
    @nbtrace.trace
    def draw(picture):
        return {"again": picture}

    @nbtrace.trace
    def stream():
        yield data_url(png())

    draw(png())
    trace = nbtrace.get_trace(nbtrace.get_last_active_trace_id())
    [span] = trace.data.spans
    assert content_of(span.inputs["picture"]["content"]) == png()
    assert content_of(span.outputs["again"]["content"]) == png()
    list(stream())
    [span] = nbtrace.get_trace(nbtrace.get_last_active_trace_id()).data.spans
    assert content_of(span.outputs[0]) == png()


def test_attributes_and_events():
    text = json.dumps({"messages": json.dumps([data_url(png())])})
    with nbtrace.start_span("look") as span:
        span.set_attribute("gen_ai.input.messages", text)
        span.set_attribute("password", data_url(wav(), "audio/wav"))
        span.add_event(nbtrace.entities.SpanEvent("gen_ai.user.message", attributes={"a": text}))
    [found] = nbtrace.get_trace(span.trace_id).data.spans
    for short in (found.raw_attributes["gen_ai.input.messages"], found.events[0].attributes["a"]):
        assert len(short) < 500
        [inner] = json.loads(json.loads(short)["messages"])
        assert content_of(inner) == png()
    assert len(on_disk()) == 1


def test_spans_of_another_provider():
    provider = TracerProvider()
    provider.add_span_processor(SpanProcessor())
    message = {"role": "user", "content": [{"type": "text", "text": data_url(png())}]}
    with provider.get_tracer("openinference").start_as_current_span("chat") as span:
        span.set_attribute("openinference.span.kind", "LLM")
        span.set_attribute("input.value", json.dumps({"messages": [message]}))
        span.set_attribute(
            "llm.input_messages.0.message.contents.0.message_content.image.image.url",
            data_url(png()),
        )
        span.set_attribute("llm.input_messages.0.message.contents.0.message_content.type", "image")
        span.set_attribute("llm.input_messages.0.message.role", "user")
    trace_id = f"tr-{span.get_span_context().trace_id:032x}"
    [found] = nbtrace.get_trace(trace_id).data.spans
    assert [one.content_bytes for one in found.attachments] == [png()]
    [part] = view(found).input_messages[0].parts
    assert content_of(part.uri) == png()
    provider.shutdown()


def test_previews_say_what_a_reference_stands_for():
    with nbtrace.start_span("look") as span:
        span.set_inputs(data_url(png()))
    info = nbtrace.get_trace(span.trace_id).info
    assert info.request_preview == f'"[image/png, {len(png()) / 1000:.1f} kB]"'


def test_a_text_of_base64_that_is_no_media_is_cut_as_it_was():
    value = recorded({"text": base64_of(BINARY * 20)}).inputs["text"]
    assert value.endswith("characters kept]")
    assert on_disk() == []


def test_threads_of_one_trace_write_the_same_picture_once():
    def look():
        with nbtrace.start_span("look") as span:
            span.set_inputs({"image": text})

    text = data_url(png())
    with nbtrace.start_span("root") as root:
        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    spans = nbtrace.get_trace(root.trace_id).search_spans(name="look")
    assert [content_of(span.inputs["image"]) for span in spans] == [png()] * 8
    assert len(on_disk()) == 1
