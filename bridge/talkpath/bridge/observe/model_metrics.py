"""The part of the catalogue about speech models: what they did, what went wrong, what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import labels
from .catalogue import Catalogue
from .labels import bounded

if TYPE_CHECKING:
    from collections.abc import Mapping


class ModelMetrics(Catalogue):
    """Metrics of the Realtime sessions, by attribute; `.metrics.Metrics` has them among its own."""

    def _define_model(self) -> None:
        self.model_events = self._counter("model_events", "Events received from the model.", ["group"])
        self.model_responses = self._counter(
            "model_responses",
            "Responses of the model that ended, by how.",
            ["outcome"],
            "failed: see model_errors_total. Many interrupted: the agent talks too long, or hears itself.",
        )
        self.model_anomalies = self._counter(
            "model_anomalies",
            "Things that a model server should not do, and what they cost, by name.",
            ["cause"],
            "late_audio_dropped is normal after an interruption. Others: the server, or its version.",
        )
        self.model_errors = self._counter(
            "model_errors",
            "Errors that the model reported.",
            ["code"],
            "rate_limit_exceeded, insufficient_quota: the account. invalid_api_key: the key.",
        )
        self.model_reconnects = self._counter(
            "model_reconnects",
            "Sessions that were opened again during a call.",
            ["result"],
            "The way to the model is unstable; the model_lost log lines give the close codes.",
        )
        self.model_tokens = self._counter("model_tokens", "Tokens used, by kind.", ["model", "kind"])
        self.model_cost = self._counter(
            "model_cost_dollars",
            "Estimated cost of the tokens, in US dollars, for models with a known price.",
            ["model", "kind"],
            "The tokens at the list price, by kind; set an alert at your budget.",
        )
        self.model_headroom = self._gauge(
            "model_rate_limit_remaining_ratio",
            "What is left of the account's rate limits, as the model told last: 1 all, 0 nothing.",
            ["model", "limit"],
            "livemostrecent",
            "Below 0.1 responses are about to be refused: ask for a higher limit, or spread the calls.",
        )

    def rate_limit(self, model: str, name: str, limit: float, remaining: float) -> None:
        """Keep what the model told about one rate limit."""
        if limit > 0:
            share = min(1.0, max(0.0, remaining / limit))
            self.model_headroom.labels(model, bounded(name, labels.LIMITS)).set(share)

    def session_counts(self, counts: Mapping[str, int]) -> None:
        """Count what one Realtime session counted, when it is over."""
        for name, count in counts.items():
            kind, _, rest = name.partition(":")
            if kind == "event":
                self.model_events.labels(bounded(rest.partition(".")[0], labels.EVENT_GROUPS)).inc(count)
            elif kind.removeprefix("response_") in labels.RESPONSE_OUTCOMES:
                self.model_responses.labels(kind.removeprefix("response_")).inc(count)
            elif not rest and kind not in labels.NORMAL_COUNTS:
                # What stands behind a colon comes from the network.
                self.model_anomalies.labels(kind).inc(count)

    def model_error(self, code: str) -> None:
        """Count an error of the model."""
        self.model_errors.labels(bounded(code, labels.ERROR_CODES)).inc()
