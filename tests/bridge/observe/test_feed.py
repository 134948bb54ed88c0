from __future__ import annotations

import pytest

from talkpath.bridge.media.counters import Cause, LatenessHistogram
from talkpath.bridge.observe.feed import HistogramFeed, media_feed, sip_feed
from talkpath.bridge.observe.metrics import Metrics
from tests.bridge.observe.samples import value


def test_totals_become_increments() -> None:
    metrics = Metrics()
    feed = media_feed(metrics)
    feed.feed({"packets_received": 10, "late": 1})
    feed.feed({"packets_received": 25, "late": 1})
    assert value(metrics, "talkpath_rtp_packets_total", direction="in") == 25
    assert value(metrics, "talkpath_rtp_anomalies_total", cause="late") == 1


def test_a_total_that_went_down_belongs_to_a_process_that_started_again() -> None:
    metrics = Metrics()
    feed = sip_feed(metrics)
    feed.feed({"rejected:404": 10})
    feed.feed({"rejected:404": 3})
    assert value(metrics, "talkpath_sip_rejected_total", code="404") == 13


def test_a_restart_that_is_told_counts_from_zero_even_when_the_total_is_higher() -> None:
    metrics = Metrics()
    feed = sip_feed(metrics)
    feed.feed({"refused:rate": 10})
    feed.restart()
    feed.feed({"refused:rate": 12})
    assert value(metrics, "talkpath_sip_refused_total", cause="rate") == 22


def test_other_counters_of_the_sip_process_are_told_apart_by_labels() -> None:
    metrics = Metrics()
    sip_feed(metrics).feed({"calls:incoming": 2, "undecided": 1})
    assert value(metrics, "talkpath_sip_events_total", event="calls", detail="incoming") == 2
    assert value(metrics, "talkpath_sip_events_total", event="undecided", detail="") == 1


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_of_the_media_plane_reaches_a_metric(cause: Cause) -> None:
    metrics = Metrics()
    media_feed(metrics).feed({cause.name.lower(): 7})
    sums = [
        sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    ]
    assert sum(sums) == 7


def test_the_beat_histogram_is_taken_over_with_its_counts_and_its_sum() -> None:
    metrics = Metrics()
    feed = HistogramFeed(metrics.beat_lateness)
    beats = LatenessHistogram()
    for lateness in (0.0001, 0.004, 0.004, 0.7):
        beats.record(lateness)
        feed.feed(beats.counts, beats.total)
    assert value(metrics, "talkpath_beat_lateness_seconds_bucket", le="0.0005") == 1
    assert value(metrics, "talkpath_beat_lateness_seconds_bucket", le="0.005") == 3
    assert value(metrics, "talkpath_beat_lateness_seconds_count") == 4
    assert value(metrics, "talkpath_beat_lateness_seconds_sum") == pytest.approx(0.7081)
