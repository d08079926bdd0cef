"""Documents and embeddings as the panel shows them: ranks and scores, norms and first values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nbtrace.otel.conventions.documents import documents
from nbtrace.otel.conventions.reading import decoded, indexed, sequence
from nbtrace.widgets.chat import label
from nbtrace.widgets.json_value import json_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbtrace.otel.conventions import RetrievedDocument, SpanView
    from nbtrace.widgets.detail_messages import DocumentDetails, EmbeddingDetails, VectorDetails
    from nbtrace.widgets.pieces import Pieces

MAX_DOCUMENTS = 500
MAX_VECTORS = 20
MAX_TEXTS = 50
FIRST_VALUES = 8


def documents_of(seen: SpanView, pieces: Pieces) -> list[DocumentDetails]:
    """Return the documents that a span gave back, in its order."""
    return _described(seen.documents, pieces, "document")


def documents_before(seen: SpanView, pieces: Pieces) -> list[DocumentDetails]:
    """Return the documents that a reranker was given, in the order it got them."""
    if seen.type != "RERANKER":
        return []
    listed = indexed(seen.attributes, "reranker.input_documents.")
    found = documents(listed) or documents(seen.inputs)
    return _described(found, pieces, "before")


def _described(
    found: Sequence[RetrievedDocument], pieces: Pieces, place: str
) -> list[DocumentDetails]:
    return [
        {
            "id": label(one.id),
            "score": one.score if one.score is not None and math.isfinite(one.score) else None,
            "content": pieces.maybe(f"{place}/{number}", one.page_content),
            "metadata": pieces.cut(f"{place}/{number}/metadata", json_text(one.metadata))
            if one.metadata
            else None,
        }
        for number, one in enumerate(found[:MAX_DOCUMENTS])
    ]


def embeddings_of(seen: SpanView, pieces: Pieces) -> EmbeddingDetails | None:
    """Return what an embedding span computed, None for other spans.

    Parameters
    ----------
    seen : SpanView
        The span in the common words.
    pieces : Pieces
        Where long texts are cut.

    Returns
    -------
    EmbeddingDetails or None
        Texts, and of each vector its length, norm and first values.

    Examples
    --------
    >>> from nbtrace.entities import Span
    >>> from nbtrace.otel.conventions import view
    >>> from nbtrace.widgets.pieces import Pieces
    >>> span = Span(trace_id="tr-" + "0a" * 16, span_id="0b" * 8, name="embed", start_time_ns=1,
    ...             attributes={"mlflow.spanType": '"EMBEDDING"', "mlflow.spanOutputs": "[[3, 4]]"})
    >>> embeddings_of(view(span), Pieces())["vectors"]
    [{'dimensions': 2, 'norm': 5.0, 'first': ['3', '4']}]
    """
    summary = seen.embeddings
    if summary is None:
        return None
    vectors = [_vector(found) for found, _ in zip(_vectors(seen), range(MAX_VECTORS), strict=False)]
    if not vectors and not summary.texts and summary.count is None and summary.dimensions is None:
        return None
    return {
        "count": summary.count or len(vectors) or None,
        "dimensions": summary.dimensions or (vectors[0]["dimensions"] if vectors else None),
        "texts": [
            pieces.cut(f"embedded/{number}", text)
            for number, text in enumerate(summary.texts[:MAX_TEXTS])
        ],
        "vectors": vectors,
    }


def _vectors(seen: SpanView) -> Iterator[Sequence[Any]]:
    """Find the vectors in whichever way they were recorded."""
    for item in _candidates(seen):
        if (
            isinstance(item, list | tuple)
            and len(item) > 0
            and all(isinstance(value, int | float) for value in item)
        ):
            yield item


def _candidates(seen: SpanView) -> Iterator[Any]:
    for item in indexed(seen.attributes, "embedding.embeddings."):
        inner = item.get("embedding") if isinstance(item, dict) else None
        if isinstance(inner, dict):
            yield inner.get("vector")
    for item in sequence(seen.attributes.get("ai.embeddings")):
        yield decoded(item)
    yield decoded(seen.attributes.get("ai.embedding"))
    outputs = seen.span.outputs
    came = outputs.get("data") if isinstance(outputs, dict) else outputs
    yield came
    for item in came if isinstance(came, list) else ():
        yield item.get("embedding") if isinstance(item, dict) else item


def _vector(values: Sequence[float]) -> VectorDetails:
    norm = math.sqrt(math.fsum(float(value) ** 2 for value in values if math.isfinite(value)))
    return {
        "dimensions": len(values),
        "norm": norm if math.isfinite(norm) else None,
        "first": [repr(value) for value in values[:FIRST_VALUES]],
    }
