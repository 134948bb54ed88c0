from __future__ import annotations

import pytest

from talkpath.bridge.call.quality import voice_quality
from talkpath.bridge.media.lane import LaneStatistics, PeerView


def figures(
    *, expected: int = 1000, lost: int = 0, late: int = 0, peer: PeerView | None = None
) -> LaneStatistics:
    return LaneStatistics(
        seconds=20.0,
        counters={"packets_sent": 1000, "late": late},
        packets_expected=expected,
        packets_lost=lost,
        jitter_ms=1.234,
        played_ms=0,
        peer=peer or PeerView(),
    )


def test_a_clean_call_has_the_best_score_of_the_narrow_band() -> None:
    assert voice_quality(figures())["mos"] == pytest.approx(4.41, abs=0.01)


def test_loss_and_delay_lower_the_score() -> None:
    lossy = voice_quality(figures(lost=50))
    slow = voice_quality(figures(peer=PeerView(round_trip_ms=600.0)))
    assert lossy["loss_percent"] == 5.0
    assert lossy["mos"] == pytest.approx(3.95, abs=0.25)
    assert slow["mos"] is not None
    assert slow["mos"] < 4.2


def test_what_came_too_late_was_not_heard() -> None:
    late = voice_quality(figures(lost=20, late=30))
    assert late["loss_percent"] == 2.0
    assert late["mos"] == voice_quality(figures(lost=50))["mos"]


def test_nothing_received_is_not_called_good() -> None:
    quality = voice_quality(figures(expected=0))
    assert quality["mos"] is None
    assert quality["loss_percent"] is None
    assert quality["jitter_ms"] is None


def test_what_the_far_end_reports_is_repeated() -> None:
    quality = voice_quality(figures(peer=PeerView(packets_lost=20, jitter_ms=2.0, round_trip_ms=30.0)))
    assert quality["peer_loss_percent"] == 2.0
    assert quality["peer_jitter_ms"] == 2.0
    assert quality["round_trip_ms"] == 30.0


def test_duplicates_are_no_negative_loss() -> None:
    assert voice_quality(figures(lost=-3))["loss_percent"] == 0.0


@pytest.mark.parametrize("codec", ["G722", "OPUS"])
def test_a_wide_band_call_is_rated_on_its_own_scale(codec: str) -> None:
    clean, lossy = (voice_quality(figures(lost=lost), codec)["mos"] for lost in (0, 50))
    assert clean is not None
    assert lossy is not None
    assert clean > 4.3
    assert lossy < 4.0
