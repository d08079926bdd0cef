"""Costs by model, provider and date; unknown is None."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from nbtrace.otel.conventions import Usage
from nbtrace.otel.prices import price, usage_cost


def nanoseconds(year: int) -> int:
    return int(datetime(year, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000_000


def test_a_listed_model_has_the_price_that_mlflow_and_logfire_state() -> None:
    found = price(
        "gpt-4o-mini-2024-07-18", "openai", input_tokens=12, output_tokens=5, cached_tokens=4
    )
    assert found == pytest.approx(4.5e-06)
    found = price(
        "claude-sonnet-4-5", "anthropic", input_tokens=16, output_tokens=5, cached_tokens=4
    )
    assert found == pytest.approx(0.0001122)


def test_the_model_decides_where_the_provider_is_unknown_and_not_where_it_is_another() -> None:
    assert price("gpt-4o-mini", None, input_tokens=1_000_000, output_tokens=0) == 0.15
    assert price("gpt-4o-mini", "ollama", input_tokens=1_000_000, output_tokens=0) is None
    assert price("a-model-of-mine", None, input_tokens=1, output_tokens=1) is None
    assert price("a-model-of-mine", "openai", input_tokens=1, output_tokens=1) is None


def test_providers_under_the_names_of_the_conventions() -> None:
    for provider in ("gcp.gemini", "gcp.vertex_ai", "google", "google_genai"):
        found = price("gemini-2.0-flash", provider, input_tokens=1_000_000, output_tokens=0)
        assert found == pytest.approx(0.1)


def test_the_date_decides() -> None:
    before, after = (
        price("o3", "openai", input_tokens=1_000_000, output_tokens=0, time_ns=nanoseconds(year))
        for year in (2025, 2026)
    )
    assert before == 10.0
    assert after == 2.0


def test_counts_that_contradict_each_other_have_no_price() -> None:
    assert price("gpt-4o", "openai", input_tokens=1, output_tokens=1, cached_tokens=5) is None


def test_only_an_embedding_is_priced_without_output() -> None:
    usage = Usage(input=1_000_000)
    model = "text-embedding-3-small"
    assert usage_cost(usage, model, "openai", "EMBEDDING") == pytest.approx(0.02)
    assert usage_cost(usage, "gpt-4o", "openai", "CHAT_MODEL") is None
    assert usage_cost(Usage(output=5), "gpt-4o", "openai", "CHAT_MODEL") is None
    assert usage_cost(Usage(cost=0.0), None, None, "LLM") == 0.0


def test_the_price_list_is_imported_on_first_use_only() -> None:
    code = (
        "import sys; import nbtrace.otel.usage, nbtrace.otel.prices; "
        "assert 'genai_prices' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
