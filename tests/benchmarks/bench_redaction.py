"""What redaction costs per kB of text, beside running every pattern over it by ``re.sub``.

Run it as ``python tests/benchmarks/bench_redaction.py``. Both sides are timed in turns in the same
process by its CPU time, and the best turn of each counts. The naive side has one pattern per kind
of secret, as log filters do; it finds less than nbtrace does.
"""

from __future__ import annotations

import json
import random
import re
import string
import time
from typing import TYPE_CHECKING

from nbtrace.tracing.redaction import redact_json_text, redact_text
from nbtrace.tracing.values import encode_json

if TYPE_CHECKING:
    from collections.abc import Callable

TURNS = 5
BUDGET = 10.0
# Texts that hold little but secrets: the first 128 cost what they cost, then the rest is left out.
DENSE = frozenset(
    {
        "text with a secret per 100 bytes",
        "the same, 100 kB",
        "nothing but secrets",
        "nothing but `password=...;`, 108 kB",
    }
)

NAIVE = [
    re.compile(pattern)
    for pattern in (
        r"sk-[A-Za-z0-9_-]{16,}",
        r"A[KS]IA[A-Z0-9]{16}",
        r"AIza[A-Za-z0-9_-]{35}",
        r"gh[pousr]_[A-Za-z0-9]{36}",
        r"github_pat_[A-Za-z0-9_]{22,}",
        r"glpat-[A-Za-z0-9_-]{20}",
        r"xox[abprs]-[A-Za-z0-9-]{10,}",
        r"hf_[A-Za-z0-9]{30,}",
        r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",
        r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----",
        r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{16,}=*",
        r"(?i)\bbasic\s+[A-Za-z0-9+/]{16,}=*",
        r"://[^\s:/@]+:[^\s/@]+@",
        r"(?i)[?&](?:api_?key|token|sig|signature|password)=[^&\s]+",
        r"""(?i)(?:password|secret|api_?key|access_token|authorization)["']?\s*[:=]\s*\S+""",
    )
]

PARAGRAPH = (
    "A language model predicts the next token from those before it, and max_tokens says how many "
    "it may write. The tokenizer is the secretary of the model: it files each word under a number. "
    "An API key must never be committed, she said, and neither must a password nor a secret; send "
    "it in the Authorization header as a bearer token, or use basic authentication over TLS. Keys "
    "of a dictionary are another matter: they name values, as a cookie names a session. See "
    "https://example.com/docs/keys?page=2 for the author's notes, written on 2026-11-22 at 10:30. "
)
PLAIN = (
    "Retrieval finds the passages that answer a question; the model reads them and writes what "
    "they say. The program here asks three questions of a library's own documentation, prints the "
    "sources it has used, and stops when the third answer repeats the first. Nothing is hidden. "
)


def _made_up(length: int, generator: random.Random) -> str:
    letters = string.ascii_letters + string.digits
    return "".join(generator.choice(letters) for _ in range(length))


def texts() -> dict[str, str]:
    """Return the texts by name, about 16 kB each."""
    generator = random.Random(3)
    message = {
        "id": "chatcmpl-" + _made_up(29, generator),
        "model": "gpt-4o-mini",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": PLAIN,
                    "tool_calls": [
                        {
                            "id": "call_" + _made_up(24, generator),
                            "type": "function",
                            "function": {
                                "name": "search",
                                "arguments": json.dumps({"query": "what is a key?", "max": 3}),
                            },
                        }
                    ],
                },
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 30, "total_tokens": 42},
    }
    code = (
        "def answer(question: str, *, max_tokens: int = 200, api_key: str | None = None) -> str:\n"
        "    api_key = api_key or os.environ['OPENAI_API_KEY']\n"
        "    client = OpenAI(api_key=api_key, timeout=30)\n"
        "    tokens = tokenizer.encode(question)\n"
        "    return client.responses.create(input=question).output_text\n\n"
    )
    secrets = [
        f"Authorization: Bearer {_made_up(40, generator)}",
        f'OPENAI_API_KEY="sk-proj-{_made_up(60, generator)}"',
        f"postgres://ada:{_made_up(12, generator)}@db/x",
        f"password = '{_made_up(14, generator)}'",
    ]

    def filled(size: int, between: int) -> str:
        """Return a text with a secret, never the same, after each so many characters."""
        parts = []
        length = 0
        while length < size:
            secret = (
                f"Authorization: Bearer {_made_up(40, generator)}",
                f'OPENAI_API_KEY="sk-proj-{_made_up(60, generator)}"',
                f"postgres://ada:{_made_up(12, generator)}@db/x",
                f"password = '{_made_up(14, generator)}'",
            )[len(parts) % 4]
            room = max(0, between - len(secret) - 2)
            parts.append(f"{(PLAIN * (room // len(PLAIN) + 1))[:room]}\n{secret}\n")
            length += len(parts[-1])
        return "".join(parts)

    one_a_kb = filled(16_000, 1_024)
    nothing_else = "".join(f"password={_made_up(8, generator)};" for _ in range(6_000))
    return {
        "prose": PLAIN * 58,
        "prose about keys and tokens": PARAGRAPH * 30,
        "JSON of chat completions": json.dumps([message] * 18),
        "source code": code * 50,
        "text with a secret per kB": one_a_kb,
        "text with a secret per kB, 100 kB": filled(100_000, 1_024),
        "text with a secret per 100 bytes": filled(16_000, 100),
        "the same, 100 kB": filled(100_000, 100),
        "nothing but secrets": "\n".join(secrets * 80),
        "nothing but `password=...;`, 108 kB": nothing_else,
        "JSON of 1,000 texts, a secret per kB, 1 MB": json.dumps(
            [filled(1_000, 1_024) for _ in range(1_000)]
        ),
        "JSON of 1,000 texts, one per 100 bytes, 1 MB": json.dumps(
            [filled(1_000, 100) for _ in range(1_000)]
        ),
        "JSON of 1,000 texts of `password=...;`, 1 MB": json.dumps(
            [nothing_else[start : start + 1_000] for start in range(1_000)]
        ),
        "JSON of 10,000 small dicts, one secret": json.dumps(
            [{"role": "user", "n": number} for number in range(10_000)] + [{"password": "x"}]
        ),
    }


def naive(text: str) -> str:
    """Run every pattern over a text."""
    for pattern in NAIVE:
        text = pattern.sub("[REDACTED]", text)
    return text


def microseconds_per_kb(function: Callable[[str], str], text: str) -> float:
    """Return the CPU time of one turn, divided by the length."""
    repeats = max(1, 200_000 // len(text))
    started = time.process_time_ns()
    for _ in range(repeats):
        function(text)
    return (time.process_time_ns() - started) / repeats / len(text) * 1024 / 1000


def encode_cost() -> dict[str, float]:
    """Return the CPU microseconds of ``encode_json`` on small values."""
    values: dict[str, object] = {
        "dict of 3 scalars, 61 bytes of JSON": {
            "question": "What is the capital of France?",
            "k": 3,
            "ok": True,
        },
        "text of 31 characters": "Paris is the capital of France.",
        "two chat messages": {
            "messages": [
                {"role": "system", "content": "You are helpful."},
                {"role": "user", "content": "What is the capital of France?"},
            ],
            "model": "gpt-4o",
            "max_tokens": 100,
        },
    }
    result = {}
    for name, value in values.items():
        best = float("inf")
        for _ in range(TURNS):
            started = time.process_time_ns()
            for _ in range(20_000):
                encode_json(value)
            best = min(best, (time.process_time_ns() - started) / 20_000 / 1000)
        result[name] = best
    return result


def main() -> None:
    """Print the tables."""
    print(f"{'CPU us per kB (1,024 characters)':46}{'nbtrace':>10}{'naive':>10}{'ratio':>8}")
    for name, text in texts().items():
        redact = redact_json_text if name.startswith("JSON") else redact_text
        ours, theirs = [], []
        for _ in range(TURNS):
            ours.append(microseconds_per_kb(redact, text))
            theirs.append(microseconds_per_kb(naive, text))
        mine, other = min(ours), min(theirs)
        print(f"{name:46}{mine:10.2f}{other:10.2f}{mine / other:8.3f}")
    print(f"budget {BUDGET:.0f} us per kB\n")
    for name, cost in encode_cost().items():
        print(f"encode_json, {name:40}{cost:8.2f} us")


if __name__ == "__main__":
    main()
