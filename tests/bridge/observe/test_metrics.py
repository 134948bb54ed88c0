from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from talkpath.bridge.observe import reference
from talkpath.bridge.observe.call_record import CallRecord
from talkpath.bridge.observe.feed import sip_feed
from talkpath.bridge.observe.labels import LATENESS_BUCKETS
from talkpath.bridge.observe.metrics import Metrics
from talkpath.bridge.observe.shared import exposition
from tests.bridge.observe.samples import value

ROOT = Path(__file__).parents[3]


def test_a_finished_call_is_counted_by_its_cause() -> None:
    metrics = Metrics()
    metrics.call_ended(
        CallRecord(call="c", agent="a", outcome="completed", cause="caller_hung_up", setup=0.03, talk=61.0)
    )
    labels = {"direction": "inbound", "agent": "a", "outcome": "completed", "cause": "caller_hung_up"}
    assert value(metrics, "talkpath_calls_total", **labels) == 1
    assert value(metrics, "talkpath_call_setup_seconds_bucket", direction="inbound", le="0.05") == 1
    assert value(metrics, "talkpath_call_duration_seconds_sum", agent="a") == 61.0


def test_a_call_that_was_never_answered_has_no_setup_time() -> None:
    metrics = Metrics()
    metrics.call_ended(CallRecord(call="c", agent="a", outcome="refused", cause="no_route"))
    assert value(metrics, "talkpath_call_setup_seconds_count", direction="inbound") is None


def test_every_metric_has_the_prefix_a_help_text_and_a_unit_where_it_has_one() -> None:
    for entry in Metrics().catalogue:
        assert entry.name.startswith("talkpath_")
        assert entry.help.endswith(".")
        assert entry.kind != "histogram" or entry.name.endswith(("_seconds", "_ratio", "_score"))
        assert entry.kind != "counter" or entry.name.endswith("_total")


def test_the_catalogue_lists_exactly_what_is_exposed() -> None:
    metrics = Metrics()
    body, _ = exposition(metrics.registry)
    exposed = set(re.findall(r"^# TYPE (talkpath_\w+) (?!gauge$)\w+$", body.decode(), re.MULTILINE))
    exposed |= set(re.findall(r"^# TYPE (talkpath_\w+) gauge$", body.decode(), re.MULTILINE))
    exposed = {name for name in exposed if not name.endswith("_created")}
    assert exposed == {entry.name for entry in metrics.catalogue}


def test_the_committed_page_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert reference.main(["--check"]) == 0, "run: python -m talkpath.bridge.observe.reference"


def test_the_beat_buckets_are_those_of_the_media_plane() -> None:
    from talkpath.bridge.media.counters import LatenessHistogram  # noqa: PLC0415 - only for this comparison

    assert LatenessHistogram.edges == LATENESS_BUCKETS


FAILURES = re.compile(
    r"anomal|refused|rejected|errors|filled|concealed|overflow|skipped|lost|restarts|_up$|reconnect|_loss"
)


def test_whoever_sees_a_failure_is_told_what_to_do() -> None:
    silent = [entry.name for entry in Metrics().catalogue if FAILURES.search(entry.name) and not entry.remedy]
    assert not silent


def test_the_quality_of_a_call_is_observed_in_base_units() -> None:
    metrics = Metrics()
    quality = {"mos": 4.18, "jitter_ms": 12.0, "loss_percent": 1.5, "round_trip_ms": None}
    metrics.call_ended(CallRecord(call="c", agent="a", trunk="pbx", quality=quality))
    assert value(metrics, "talkpath_call_jitter_seconds_sum", trunk="pbx") == pytest.approx(0.012)
    assert value(metrics, "talkpath_call_loss_ratio_bucket", trunk="pbx", le="0.02") == 1
    assert value(metrics, "talkpath_call_loss_ratio_bucket", trunk="pbx", le="0.01") == 0
    assert value(metrics, "talkpath_call_mos_score_sum", trunk="pbx") == pytest.approx(4.18)
    assert value(metrics, "talkpath_call_round_trip_seconds_count", trunk="pbx") is None


@pytest.mark.parametrize(
    ("facts", "direction", "code"),
    [
        ({"setup": 0.1, "sip_status": 500}, "inbound", "200"),
        ({"sip_status": 487}, "inbound", "487"),
        ({"direction": "outbound", "sip_status": 499}, "outbound", "4xx"),
        ({"direction": "outbound", "sip_status": 0}, "outbound", "none"),
        ({"direction": "outbound", "sip_status": 7000}, "outbound", "none"),
    ],
)
def test_answers_are_counted_by_a_status_that_no_peer_can_invent(
    facts: dict[str, Any], direction: str, code: str
) -> None:
    metrics = Metrics()
    metrics.call_ended(CallRecord(call="c", **facts))
    assert value(metrics, "talkpath_sip_answers_total", direction=direction, code=code) == 1


def test_what_alerts_look_at_is_there_before_it_happens() -> None:
    metrics = Metrics()
    metrics.expect(["a"])
    sip_feed(metrics)
    failed = {"direction": "inbound", "agent": "a", "outcome": "failed", "cause": "model_lost"}
    assert value(metrics, "talkpath_calls_total", **failed) == 0
    assert value(metrics, "talkpath_model_errors_total", code="insufficient_quota") == 0
    assert value(metrics, "talkpath_sip_refused_total", cause="no_lane") == 0
