"""A language model's stand-in that composes its answers from the passages it is sent.

It reads the same messages a real model would: passages numbered ``[1] name``, the question, and
the results of tools. First it asks for the tools that help; once their results are there it quotes
the sentences that share most words with the question, each with its number. Everything it says is
in its messages, so an answer shows whether retrieval and tools worked.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbtrace.examples.docstrings import words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PASSAGE = re.compile(
    r"^\[(\d+)\] (\S+)\n(.*?)(?=^\[\d+\] \S+\n|^Question: |\Z)", re.MULTILINE | re.DOTALL
)
QUESTION = re.compile(r"^Question: (.*)", re.MULTILINE | re.DOTALL)
# At least two numbers with an operator between them.
ARITHMETIC = re.compile(r"[-(]*\d[\d.]*(?:[\s()]*(?:\*\*|//|[-+*/%])[\s()-]*\d[\d.]*)+\)*")
# An answer that quotes more passages than this is a list, not an answer.
MAX_QUOTES = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says: text, or the tools it wants called.

    Attributes
    ----------
    content : str
        The text; empty when tools are to be called first.
    calls : list of tuple
        Name and arguments of each tool to call.
    """

    content: str = ""
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Quote:
    number: str
    name: str
    sentence: str
    shared: int


def reply(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()) -> Reply:
    r"""Compose the next message of a conversation.

    Parameters
    ----------
    messages : sequence of mapping
        OpenAI chat messages; the last user message holds passages and the question.
    tools : sequence of mapping, optional
        OpenAI descriptions of the tools that may be called.

    Returns
    -------
    Reply
        Calls when tools are offered and none was called yet, otherwise text.

    Examples
    --------
    >>> prompt = "[1] math.gcd\nGreatest Common Divisor.\n\nQuestion: greatest divisor?"
    >>> reply([{"role": "user", "content": prompt}]).content
    'math.gcd: Greatest Common Divisor. [1]'
    """
    prompt = next(
        (str(message["content"]) for message in reversed(messages) if message["role"] == "user"), ""
    )
    asked = QUESTION.search(prompt)
    question = asked.group(1).strip() if asked else prompt.strip()
    quotes = _quotes(prompt, question)
    results = [message for message in messages if message["role"] == "tool"]
    if tools and not results:
        offered = {tool["function"]["name"] for tool in tools}
        calls = [call for call in _calls(question, quotes) if call[0] in offered]
        if calls:
            return Reply(calls=calls)
    return Reply(content=_compose(quotes, messages, results))


def _quotes(prompt: str, question: str) -> list[_Quote]:
    asked = set(words(question))
    quotes = []
    for number, name, text in PASSAGE.findall(prompt):
        sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z])|\n\s*\n", text.strip())
        clean = [" ".join(sentence.split()) for sentence in sentences if sentence.strip()]
        shared = [len(asked & set(words(sentence))) for sentence in clean]
        if clean:
            best = max(range(len(clean)), key=lambda place: (shared[place], -place))
            in_name = len(asked & set(words(name.replace(".", " "))))
            quotes.append(_Quote(number, name, clean[best], shared[best] + in_name))
    return sorted(quotes, key=lambda quote: -quote.shared)


def _calls(question: str, quotes: Sequence[_Quote]) -> list[tuple[str, dict[str, str]]]:
    calls = [("look_up_signature", {"name": quote.name}) for quote in quotes[:1]]
    if expression := ARITHMETIC.search(question):
        calls.append(("calculate", {"expression": expression.group().strip()}))
    return calls


def _compose(
    quotes: Sequence[_Quote],
    messages: Sequence[Mapping[str, Any]],
    results: Sequence[Mapping[str, Any]],
) -> str:
    sentences = [
        f"{quote.name}: {quote.sentence} [{quote.number}]"
        for quote in quotes[:MAX_QUOTES]
        if quote.shared * 2 > quotes[0].shared
    ]
    asked_for = {
        call["id"]: call["function"]
        for message in messages
        for call in message.get("tool_calls") or ()
    }
    for result in results:
        function = asked_for.get(result.get("tool_call_id"), {})
        argument = next(iter(json.loads(function.get("arguments") or "{}").values()), "")
        if function.get("name") == "calculate":
            sentences.append(f"{argument} = {result['content']}")
        else:
            sentences.append(f"Call it as {result['content']}")
    return "\n".join(sentences) or "The passages do not answer this."
