from __future__ import annotations

import pytest

from talkpath.bridge.call.token_costs import add_usage
from talkpath.bridge.observe.call_record import CallRecord
from talkpath.bridge.observe.metrics import Metrics
from talkpath.bridge.realtime.usage import TokenUsage, cost, price_of
from tests.bridge.observe.samples import value

MODEL = "gpt-realtime-2.1"


def test_tokens_and_money_add_up() -> None:
    record, metrics = CallRecord(call="c1", model=MODEL), Metrics()
    usage = TokenUsage(text_in=100, audio_in=200, audio_out=300)
    price = price_of(MODEL)
    assert price is not None
    for _ in range(2):
        add_usage(usage, record, metrics)
    assert record.tokens["audio_out"] == 600
    assert record.cost == pytest.approx(2 * cost(usage, price))
    assert value(metrics, "talkpath_model_tokens_total", model=MODEL, kind="audio_out") == 600


def test_the_price_of_an_unknown_model_is_not_invented() -> None:
    record = CallRecord(call="c1", model="my-own")
    add_usage(TokenUsage(audio_out=300), record, Metrics())
    assert record.cost is None


def test_money_is_counted_by_kind_and_adds_up_to_that_of_the_record() -> None:
    record, metrics = CallRecord(call="c1", model=MODEL), Metrics()
    add_usage(TokenUsage(audio_in=900, cached_audio=100, audio_out=300), record, metrics)
    name = "talkpath_model_cost_dollars_total"
    kinds = ("audio_in", "cached_audio", "audio_out")
    parts = [value(metrics, name, model=MODEL, kind=kind) for kind in kinds]
    assert sum(part or 0.0 for part in parts) == pytest.approx(record.cost)
    assert value(metrics, name, model=MODEL, kind="text_in") is None
