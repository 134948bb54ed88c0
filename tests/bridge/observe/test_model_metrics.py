from __future__ import annotations

from talkpath.bridge.observe.metrics import Metrics
from tests.bridge.observe.samples import value


def test_the_network_cannot_make_new_series() -> None:
    metrics = Metrics()
    for number in range(100):
        metrics.session_counts({f"event:invented{number}.x": 1, f"problem:invented{number}": 1})
        metrics.model_error(f"code{number}")
    metrics.session_counts({"event:response.output_audio.delta": 1, "late_audio_dropped": 3})
    metrics.session_counts({"response_spoken": 2, "items_heard": 2, "response_done_missing": 1})
    assert value(metrics, "talkpath_model_responses_total", outcome="spoken") == 2
    assert value(metrics, "talkpath_model_anomalies_total", cause="response_done_missing") == 1
    for normal in ("response_spoken", "items_heard"):
        assert value(metrics, "talkpath_model_anomalies_total", cause=normal) is None
    metrics.model_error("session_expired")
    assert value(metrics, "talkpath_model_events_total", group="other") == 100
    assert value(metrics, "talkpath_model_errors_total", code="other") == 100
    assert value(metrics, "talkpath_model_events_total", group="response") == 1
    assert value(metrics, "talkpath_model_errors_total", code="session_expired") == 1
    assert value(metrics, "talkpath_model_anomalies_total", cause="late_audio_dropped") == 3


def test_what_is_left_of_a_rate_limit_is_a_share_by_a_known_name() -> None:
    metrics = Metrics()
    metrics.rate_limit("m", "tokens", 1000, 250)
    metrics.rate_limit("m", "invented", 10, 70)
    metrics.rate_limit("m", "requests", 0, 0)
    name = "talkpath_model_rate_limit_remaining_ratio"
    assert value(metrics, name, model="m", limit="tokens") == 0.25
    assert value(metrics, name, model="m", limit="other") == 1.0
    assert value(metrics, name, model="m", limit="requests") is None
