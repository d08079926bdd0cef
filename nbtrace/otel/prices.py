"""What a call of a model costs, by model, provider and date.

The prices are those of the genai-prices package, which is imported on the first look-up and never
goes to the network here. A model or provider that it does not list has no cost: ``None``, not 0.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from nbtrace.otel import importing

if TYPE_CHECKING:
    from nbtrace.otel.conventions.words import Usage

__all__ = ["price", "usage_cost"]

NANOSECONDS_PER_HOUR: Final = 3_600_000_000_000
# A look-up takes 80 µs and one that finds nothing walks the whole list; loops repeat the same ones.
REMEMBERED_PRICES: Final = 4_096
# The catalogue's names for providers that the conventions name otherwise; it finds others itself.
PROVIDER_NAMES: Final = {
    "amazon-bedrock": "aws",
    "aws.bedrock": "aws",
    "aws_bedrock": "aws",
    "bedrock": "aws",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure-openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure_openai": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "google-genai": "google",
    "google_genai": "google",
    "google_vertexai": "google",
    "vertex_ai": "google",
    "vertexai": "google",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "x_ai": "x-ai",
    "xai": "x-ai",
}


def price(  # noqa: PLR0913 - what a price depends on
    model: str,
    provider: str | None,
    *,
    input_tokens: int,
    output_tokens: int,
    cached_tokens: int | None = None,
    cache_written_tokens: int | None = None,
    time_ns: int | None = None,
) -> float | None:
    """Return the cost of a call.

    Parameters
    ----------
    model : str
        Model that answered, such as ``"gpt-4o-mini-2024-07-18"``.
    provider : str or None
        Who runs it, such as ``"openai"``; ``None`` lets the model's name decide.
    input_tokens, output_tokens : int
        Tokens in all, those from a cache and of reasoning included.
    cached_tokens, cache_written_tokens : int or None
        Input tokens read from and written to a cache.
    time_ns : int or None
        When it was called, in nanoseconds since the epoch; now if left out.

    Returns
    -------
    float or None
        US dollars; ``None`` where the model or the provider is not in the price list, or the counts
        contradict each other.

    Examples
    --------
    >>> price("a-model-of-mine", None, input_tokens=1, output_tokens=1) is None
    True
    """
    # Some prices depend on the hour of the day, none on less.
    hour = (time.time_ns() if time_ns is None else time_ns) // NANOSECONDS_PER_HOUR
    name = None if provider is None else PROVIDER_NAMES.get(provider, provider)
    return _price(
        model, name, hour, input_tokens, output_tokens, cached_tokens, cache_written_tokens
    )


@lru_cache(maxsize=REMEMBERED_PRICES)
def _price(  # noqa: PLR0913, PLR0917 - the key of the cache
    model: str,
    provider: str | None,
    hour: int,
    input_tokens: int,
    output_tokens: int,
    cached_tokens: int | None,
    cache_written_tokens: int | None,
) -> float | None:
    if not _listed(model, provider):
        return None
    try:
        import genai_prices

        usage = genai_prices.Usage(
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cache_read_tokens=cached_tokens or None,
            cache_write_tokens=cache_written_tokens or None,
        )
        found = genai_prices.calc_price(
            usage,
            model,
            provider_id=provider,
            genai_request_timestamp=datetime.fromtimestamp(hour * 3_600, UTC),
        )
        return float(found.total_price)
    except Exception:
        # Not a LookupError only: counts that contradict each other raise too, and a price is
        # never worth a trace.
        return None


@lru_cache(maxsize=REMEMBERED_PRICES)
def _listed(model: str, provider: str | None) -> bool:
    """Tell whether the price list has the model, so that each unknown one is searched once."""
    try:
        with importing.held():
            import genai_prices

        genai_prices.calc_price(genai_prices.Usage(), model, provider_id=provider)
    except LookupError:
        return False
    except Exception:
        return True
    return True


def usage_cost(
    usage: Usage, model: str | None, provider: str | None, kind: str, time_ns: int | None = None
) -> float | None:
    """Return the recorded cost of a span, else the cost by the price list.

    Parameters
    ----------
    usage : Usage
        Tokens and recorded cost.
    model, provider : str or None
        Model that answered and who runs it.
    kind : str
        Span type; only an ``"EMBEDDING"`` is priced without output tokens.
    time_ns : int or None
        When it was called, in nanoseconds since the epoch; now if left out.

    Returns
    -------
    float or None
        US dollars, ``None`` if unknown.

    Examples
    --------
    >>> from nbtrace.otel.usage import Usage
    >>> usage_cost(Usage(12, 5, 17, cost=0.5), None, None, "LLM")
    0.5
    """
    if usage.cost is not None:
        return usage.cost
    output = 0 if usage.output is None and kind == "EMBEDDING" else usage.output
    if model is None or usage.input is None or output is None:
        return None
    return price(
        model,
        provider,
        input_tokens=usage.input,
        output_tokens=output,
        cached_tokens=usage.cached,
        cache_written_tokens=usage.cache_written,
        time_ns=time_ns,
    )
