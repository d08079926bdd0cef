"""Retrieval-augmented question answering over Python's documentation strings, traced.

An agent retrieves passages, reranks them, lets the model decide on tools (with a retry when the
endpoint refuses), runs the tools, streams the answer and reads the sources it cites. Every step is
a span made by ``nbtrace.trace`` or ``nbtrace.start_span``; the calls go through the ``openai``
client, to an endpoint on loopback or, when ``OPENAI_BASE_URL`` and ``OPENAI_API_KEY`` are both set,
to that one (``OPENAI_MODEL`` names the model).
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from typing import TYPE_CHECKING, Any, Self

import nbtrace
from nbtrace.entities import Document, SpanType
from nbtrace.examples import tools
from nbtrace.examples.docstrings import DocumentationIndex, words
from nbtrace.examples.endpoint import LoopbackEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openai.types import CompletionUsage

QUESTION = (
    "How do I compute the binomial coefficient, the number of ways to choose 3 of 10 items? "
    "And what is 10*9*8 / (3*2*1)?"
)
INSTRUCTIONS = (
    "Answer the question from the numbered passages alone, in a few sentences. "
    "Put the number of the passage you rely on behind each sentence, like [1]. "
    "Use the tools for signatures and for arithmetic."
)
DEFAULT_MODEL = "gpt-4o-mini"
# Search wide, send few: the reranker chooses the passages that the prompt has room for.
CANDIDATES = 20
PASSAGES = 4
ATTEMPTS = 3


def _show(piece: str) -> None:
    sys.stdout.write(piece)
    # A kernel sends what is written a few times a second by itself; sent at every word, a notebook
    # that was run without a browser shows a word a line.
    if sys.stdout.isatty():
        sys.stdout.flush()


def _joined(pieces: list[str]) -> dict[str, str]:
    return {"role": "assistant", "content": "".join(pieces)}


class DocumentationAssistant:
    """Answers questions about Python from its documentation strings.

    Parameters
    ----------
    show : callable, optional
        Called with each piece of an answer as it streams in; writes to standard output by default.

    Attributes
    ----------
    endpoint : str
        The base URL of the endpoint in use.
    model : str
        The model asked.
    index : DocumentationIndex
        The passages searched.

    Raises
    ------
    ModuleNotFoundError
        When the ``openai`` client is not installed (``pip install 'nbtrace[lab]'``).

    Examples
    --------
    >>> with DocumentationAssistant(show=lambda piece: None) as assistant:
    ...     answer = assistant.ask("What returns the greatest common divisor?")
    >>> "math.gcd" in answer["sources"]
    True
    """

    def __init__(self, *, show: Callable[[str], None] = _show) -> None:
        from openai import OpenAI

        self._show = show
        self._server: LoopbackEndpoint | None = None
        # Both must be set: a key lying about is not a wish to send questions somewhere.
        base_url, key = os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_KEY")
        if base_url and key:
            self.model = os.environ.get("OPENAI_MODEL", DEFAULT_MODEL)
        else:
            self._server = LoopbackEndpoint()
            base_url, key, self.model = self._server.base_url, "loopback", self._server.model
        self.endpoint = base_url
        # The program retries by itself, so that each attempt is a span.
        self._client = OpenAI(base_url=base_url, api_key=key, max_retries=0)
        self.index = DocumentationIndex()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<DocumentationAssistant: {len(self.index)} passages, {self.model}>"

    def close(self) -> None:
        """Close the client, the index and the endpoint on loopback."""
        self._client.close()
        self.index.close()
        if self._server is not None:
            self._server.close()

    @nbtrace.trace(name="answer_question", span_type=SpanType.AGENT)
    def ask(self, question: str) -> dict[str, Any]:
        """Answer a question and show the answer while it streams.

        Parameters
        ----------
        question : str
            A question about Python's standard library, in English.

        Returns
        -------
        dict
            ``answer``, the text, and ``sources``, the names of the objects it cites.
        """
        documents = self.retrieve(question)
        prompt = "\n\n".join(
            f"[{number}] {document.id}\n{document.page_content}"
            for number, document in enumerate(documents, 1)
        )
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": INSTRUCTIONS},
            {"role": "user", "content": f"{prompt}\n\nQuestion: {question}"},
        ]
        decision = self.decide(messages)
        if decision.get("tool_calls"):
            messages.append(decision)
            messages.extend(self.call_tool(call) for call in decision["tool_calls"])
        pieces = []
        for piece in self.stream(messages):
            self._show(piece)
            pieces.append(piece)
        self._show("\n")
        answer = "".join(pieces)
        return {"answer": answer, "sources": cited(answer, [str(item.id) for item in documents])}

    @nbtrace.trace(span_type=SpanType.RETRIEVER)
    def retrieve(self, question: str) -> list[Document]:
        """Return the passages to answer from, best first."""
        candidates = [
            Document(
                page_content=passage.text,
                metadata={"doc_uri": passage.name, "score": passage.score},
                id=passage.name,
            )
            for passage in self.index.search(question, limit=CANDIDATES)
        ]
        return rerank(question, candidates)

    @nbtrace.trace(span_type=SpanType.CHAIN)
    def decide(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        """Ask the model which tools it wants, again when the endpoint is busy."""
        from openai import InternalServerError, RateLimitError

        for attempt in range(1, ATTEMPTS):
            try:
                return self.complete(messages, tools.DESCRIPTIONS)
            except (InternalServerError, RateLimitError) as error:
                milliseconds = float(error.response.headers.get("retry-after-ms", 500 * attempt))
                with nbtrace.start_span("wait_before_retry", SpanType.TASK) as span:
                    span.set_attributes({"attempt": attempt, "status_code": error.status_code})
                    time.sleep(milliseconds / 1_000)
        return self.complete(messages, tools.DESCRIPTIONS)

    @nbtrace.trace(name="chat.completions", span_type=SpanType.LLM)
    def complete(
        self,
        messages: list[dict[str, Any]],
        tools: list[dict[str, Any]],
    ) -> dict[str, Any]:
        """Ask the model once and return its message."""
        self._describe_model()
        # The client's types are unions of dozens of TypedDicts; these are the same plain dicts.
        create: Any = self._client.chat.completions.create
        completion = create(model=self.model, messages=messages, tools=tools)
        _record_usage(completion.usage)
        message: dict[str, Any] = completion.choices[0].message.model_dump(exclude_none=True)
        return message

    @nbtrace.trace(name="chat.completions", span_type=SpanType.LLM, output_reducer=_joined)
    def stream(self, messages: list[dict[str, Any]]) -> Iterator[str]:
        """Yield the pieces of the model's answer as they arrive."""
        self._describe_model()
        create: Any = self._client.chat.completions.create
        with create(
            model=self.model,
            messages=messages,
            stream=True,
            stream_options={"include_usage": True},
        ) as chunks:
            for chunk in chunks:
                _record_usage(chunk.usage)
                for choice in chunk.choices:
                    if choice.delta.content:
                        yield choice.delta.content

    def call_tool(self, call: dict[str, Any]) -> dict[str, Any]:
        """Run a tool that the model asked for and return the message with its result."""
        name = call["function"]["name"]
        run: Callable[..., Any] | None = {
            "look_up_signature": tools.look_up_signature,
            "calculate": tools.calculate,
        }.get(name)
        try:
            if run is None:
                result = f"there is no tool {name!r}"
            else:
                traced = nbtrace.trace(span_type=SpanType.TOOL)(run)
                result = traced(**json.loads(call["function"]["arguments"]))
        except (ValueError, TypeError) as error:
            # The span has the error; the model is told, since it may know a way around.
            result = f"error: {error}"
        return {"role": "tool", "tool_call_id": call["id"], "content": str(result)}

    def _describe_model(self) -> None:
        span = nbtrace.get_current_active_span()
        if span is not None:
            span.set_attributes({"mlflow.llm.model": self.model, "mlflow.llm.provider": "openai"})


@nbtrace.trace(span_type=SpanType.RERANKER)
def rerank(question: str, documents: list[Document]) -> list[Document]:
    """Return the documents whose name and first lines share most words with the question.

    Parameters
    ----------
    question : str
        What was asked.
    documents : list of Document
        Candidates, best first by the index's own score.

    Returns
    -------
    list of Document
        At most `PASSAGES` of them; where two share as many words, the index's order stays.
    """
    asked = {word[:5] for word in words(question)}

    def shared(document: Document) -> int:
        head = f"{document.id} {document.page_content[:200]}".replace(".", " ")
        return len(asked & {word[:5] for word in words(head)})

    return sorted(documents, key=shared, reverse=True)[:PASSAGES]


@nbtrace.trace(span_type=SpanType.PARSER)
def cited(answer: str, names: list[str]) -> list[str]:
    """Return the names of the passages that an answer cites by number.

    Parameters
    ----------
    answer : str
        Text with citations such as ``[1]``.
    names : list of str
        The names of the passages, the first being number 1.

    Returns
    -------
    list of str
        In the order of the numbers, each once.
    """
    numbers = sorted({int(number) for number in re.findall(r"\[(\d{1,3})\]", answer)})
    return [names[number - 1] for number in numbers if 1 <= number <= len(names)]


def _record_usage(usage: CompletionUsage | None) -> None:
    span = nbtrace.get_current_active_span()
    if usage is not None and span is not None:
        counts = {
            "input_tokens": usage.prompt_tokens,
            "output_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
        }
        span.set_attribute("mlflow.chat.tokenUsage", counts)
