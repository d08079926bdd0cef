"""Retrieved documents in the shapes that retrievers and frameworks return them."""

from __future__ import annotations

from typing import Any

from nbtrace.otel.conventions.reading import decoded, mapping, number, text
from nbtrace.otel.conventions.words import RetrievedDocument

__all__ = ["document", "documents"]


def document(value: object) -> RetrievedDocument | None:
    """Read one document.

    Parameters
    ----------
    value : object
        A text, or a mapping such as ``{"page_content", "metadata", "id"}``, also as LangChain
        serialises it or with a score beside it.

    Returns
    -------
    RetrievedDocument or None
        ``None`` where the value holds neither content nor identifier.

    Examples
    --------
    >>> document({"page_content": "Rain", "metadata": {"score": 0.5}}).score
    0.5
    """
    value = decoded(value)
    if isinstance(value, str):
        return RetrievedDocument(value) if value else None
    if not isinstance(value, dict):
        return None
    for key in ("document", "kwargs", "node"):
        inner = value.get(key)
        if isinstance(inner, dict):
            value = {**value, **inner, "type": None}
    content = None
    for key in ("page_content", "content", "pageContent", "text"):
        content = content or text(value.get(key))
    identifier = value.get("id")
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        identifier = str(identifier)
    metadata = mapping(value.get("metadata"))
    score = number(value.get("score"))
    if score is None:
        score = number(metadata.get("score"))
    if content is None and text(identifier) is None and score is None:
        return None
    return RetrievedDocument(content, metadata, text(identifier), score)


def documents(value: Any) -> list[RetrievedDocument]:
    """Read the documents that a retriever returned.

    Parameters
    ----------
    value : object
        A list of documents, of ``[document, score]`` pairs, or a mapping that holds such a list.

    Returns
    -------
    list of RetrievedDocument
        In order; ``[]`` where the value holds none.

    Examples
    --------
    >>> [item.id for item in documents([{"page_content": "Paris", "id": "d1"}])]
    ['d1']
    """
    if isinstance(value, dict):
        for key in ("documents", "nodes", "results", "source_nodes"):
            if isinstance(value.get(key), list):
                value = value[key]
                break
    if not isinstance(value, list):
        return []
    found = []
    for item in value:
        score = None
        one = item
        if isinstance(item, list | tuple) and len(item) == len(("document", "score")):
            one, score = item[0], number(item[1])
        read = document(one)
        if read is not None:
            known = read.score if score is None else score
            found.append(RetrievedDocument(read.page_content, read.metadata, read.id, known))
    return found
