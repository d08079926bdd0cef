"""What a retriever found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class Document:
    """A document, as the outputs of a ``RETRIEVER`` span list them.

    Parameters
    ----------
    page_content : str
        The text.
    metadata : dict of str to object
        What is known of it, such as ``doc_uri`` and ``score``.
    id : str or None
        Its id.

    Examples
    --------
    >>> Document("Paris is in France.", {"score": 0.9}).to_dict()["page_content"]
    'Paris is in France.'
    """

    page_content: str
    metadata: dict[str, Any] = field(default_factory=dict)
    id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return MLflow's dictionary."""
        return {"page_content": self.page_content, "metadata": self.metadata, "id": self.id}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Document:
        """Return the document of MLflow's dictionary."""
        return cls(data["page_content"], dict(data.get("metadata") or {}), data.get("id"))
