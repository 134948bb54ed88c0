"""Tokens by kind and their price."""

from __future__ import annotations

from typing import Any

import pytest

from talkpath.bridge.realtime.usage import PRICES, TokenUsage, cost, parse_usage, price_of


def test_the_worked_example_costs_what_the_documentation_says() -> None:
    usage = {
        "input_token_details": {
            "text_tokens": 14,
            "audio_tokens": 27,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 28, "audio_tokens": 136},
    }
    tokens = parse_usage(usage)
    assert tokens == TokenUsage(text_in=14, audio_in=27, text_out=28, audio_out=136)
    assert cost(tokens, PRICES["gpt-realtime-2"]) == pytest.approx(0.010296)


def test_cached_tokens_are_charged_once_at_their_own_price() -> None:
    tokens = TokenUsage(text_in=1_000_000, cached_text=400_000, audio_in=1_000_000, cached_audio=1_000_000)
    assert cost(tokens, PRICES["gpt-realtime-2"]) == pytest.approx(0.6 * 4 + 0.4 * 0.40 + 0.40)


def test_reasoning_is_part_of_the_text_and_not_charged_again() -> None:
    usage = {"output_token_details": {"text_tokens": 100, "audio_tokens": 0, "reasoning_tokens": 60}}
    tokens = parse_usage(usage)
    assert tokens is not None
    assert (tokens.text_out, tokens.reasoning) == (100, 60)
    assert cost(tokens, PRICES["gpt-realtime-2"]) == pytest.approx(100 * 24 / 1e6)


def test_a_cached_sum_without_kinds_is_split_in_proportion_and_marked() -> None:
    details = {"text_tokens": 100, "audio_tokens": 300, "image_tokens": 0, "cached_tokens": 200}
    tokens = parse_usage({"input_token_details": details})
    assert tokens is not None
    assert (tokens.cached_text, tokens.cached_audio, tokens.estimated) == (50, 150, True)


def test_more_cached_than_given_is_cut() -> None:
    details = {"text_tokens": 10, "audio_tokens": 5, "cached_tokens_details": {"text_tokens": 99}}
    tokens = parse_usage({"input_token_details": details})
    assert tokens is not None
    assert tokens.cached_text == 10
    assert cost(tokens, PRICES["gpt-realtime-2"]) >= 0


@pytest.mark.parametrize("usage", [None, 3, [], "x"])
def test_no_usage_is_none(usage: Any) -> None:
    assert parse_usage(usage) is None


@pytest.mark.parametrize("value", [-1, True, None, "7", 1.5, {}])
def test_senseless_counts_are_zero(value: Any) -> None:
    usage = {"input_token_details": {"text_tokens": value}, "output_token_details": {"audio_tokens": value}}
    assert parse_usage(usage) == TokenUsage()


def test_sums_without_details_count_as_text() -> None:
    assert parse_usage({"input_tokens": 5, "output_tokens": 7}) == TokenUsage(text_in=5, text_out=7)


def test_usages_add_up() -> None:
    one = TokenUsage(1, 2, 3, 4, 5, 6, 7, 8, 9, estimated=True)
    assert one + TokenUsage(1, 1, 1, 1, 1, 1, 1, 1, 1) == TokenUsage(
        2, 3, 4, 5, 6, 7, 8, 9, 10, estimated=True
    )


def test_a_dated_model_has_the_price_of_its_family() -> None:
    assert price_of("gpt-realtime-2.1-2026-05-01") == PRICES["gpt-realtime-2.1"]
    assert price_of("gpt-realtime-2.1-mini-2026-05-01") == PRICES["gpt-realtime-2.1-mini"]
    assert price_of("my-own-model") is None
    assert price_of("gpt-realtime-2", {}) is None
