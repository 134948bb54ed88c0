"""Tokens that a call has used, and the money they cost, in its record and in the metrics."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from talkpath.bridge.realtime.usage import costs, price_of

if TYPE_CHECKING:
    from talkpath.bridge.observe.call_record import CallRecord
    from talkpath.bridge.observe.metrics import Metrics
    from talkpath.bridge.realtime.usage import TokenUsage


def add_usage(tokens: TokenUsage, record: CallRecord, metrics: Metrics) -> None:
    """Add the tokens of one response, and their price if that of the model is known."""
    kinds = {
        name: value
        for name, value in dataclasses.asdict(tokens).items()
        if value and not isinstance(value, bool)
    }
    record.add_tokens(kinds)
    for kind, count in kinds.items():
        metrics.model_tokens.labels(record.model, kind).inc(count)
    price = price_of(record.model)
    if price is None:
        return
    dollars = costs(tokens, price)
    record.add_costs(dollars)
    for kind, amount in dollars.items():
        metrics.model_cost.labels(record.model, kind).inc(amount)
