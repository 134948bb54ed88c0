"""The model and the money."""

from __future__ import annotations

from deploy.grafana.fleet import NODES, percentile
from deploy.grafana.network import rate
from deploy.grafana.panels import Dashboard, Panel, Query

MODEL = Dashboard(
    "talkpath-model",
    "Talkpath: model and money",
    "Does the model answer, how fast, and what does it cost?",
    (
        (
            "Money",
            (
                Panel(
                    "Dollars an hour, by kind of token",
                    "Estimate at list prices; models without a known price are not in it.",
                    (
                        Query(
                            "sum by (model, kind) "
                            "(rate(talkpath_model_cost_dollars_total{@}[$__rate_interval])) * 3600",
                            "{{model}} {{kind}}",
                        ),
                    ),
                    "currencyUSD",
                    width=12,
                    stacked=True,
                ),
                Panel(
                    "Dollars a minute of talk",
                    "What a minute of a caller costs, over the last 15 minutes.",
                    (
                        Query(
                            "sum(rate(talkpath_model_cost_dollars_total{@}[15m]))"
                            " / sum(rate(talkpath_call_duration_seconds_sum{@}[15m])) * 60"
                        ),
                    ),
                    "currencyUSD",
                    width=12,
                ),
                Panel(
                    "Tokens",
                    "Per second. in counts include the cached part.",
                    (
                        Query(
                            "sum by (model, kind) (rate(talkpath_model_tokens_total{@}[$__rate_interval]))",
                            "{{model}} {{kind}}",
                        ),
                    ),
                    width=12,
                ),
                Panel(
                    "What is left of the rate limits",
                    "1: all. Near 0 the model refuses responses.",
                    (
                        Query(
                            "min by (model, limit) (talkpath_model_rate_limit_remaining_ratio{@})",
                            "{{model}} {{limit}}",
                        ),
                    ),
                    "percentunit",
                    width=12,
                ),
            ),
        ),
        (
            "Does it work?",
            (
                Panel(
                    "Errors of the model",
                    "In the last hour, by code.",
                    (
                        Query(
                            "sum by (code) (increase(talkpath_model_errors_total{@}[1h])) > 0"
                            " or sum(increase(talkpath_model_errors_total{@}[1h]))",
                            "{{code}}",
                        ),
                    ),
                ),
                Panel(
                    "Sessions opened again during a call",
                    "In the last hour.",
                    (
                        Query(
                            "sum by (result) (increase(talkpath_model_reconnects_total{@}[1h]))", "{{result}}"
                        ),
                    ),
                ),
                Panel(
                    "What the server should not do",
                    "Per second. late_audio_dropped is normal after an interruption.",
                    (rate("model_anomalies", "cause"),),
                ),
                Panel(
                    "Responses",
                    "Per second, by how they ended.",
                    (rate("model_responses", "outcome"),),
                    stacked=True,
                ),
                Panel("Events of the model", "Per second.", (rate("model_events", "group"),)),
                Panel(
                    "Functions called",
                    "Per second. failed, timeout, busy: your function. unknown, bad_arguments: the model.",
                    (rate("tool_calls", "result"),),
                ),
                Panel(
                    "Time to reply by agent",
                    "p95 from the end of the caller's speech to the agent's voice.",
                    (Query(percentile(0.95, "turn_latency_seconds", ", agent"), "{{agent}}"),),
                    "s",
                    warn=1,
                    alarm=2,
                ),
            ),
        ),
    ),
    NODES,
)
