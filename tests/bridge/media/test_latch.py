"""Which source a lane listens to."""

from __future__ import annotations

import pytest

from talkpath.bridge.media.latch import RELATCH_SILENCE, Latch

SDP, NAT, STRANGER = ("10.0.0.1", 4_000), ("192.0.2.1", 61_000), ("203.0.113.9", 9)


@pytest.fixture
def latch() -> Latch:
    latch = Latch(2)
    latch.configure(0, *SDP)
    return latch


def test_before_the_first_packet_audio_goes_where_the_sdp_says(latch: Latch) -> None:
    assert latch.target(0) == SDP
    assert latch.target(1) is None


def test_the_first_source_is_locked_and_sent_to(latch: Latch) -> None:
    assert latch.admit(0, NAT, 1.0)
    assert latch.locked[0] == latch.target(0) == NAT


def test_a_stranger_is_refused_while_the_source_is_heard(latch: Latch) -> None:
    latch.admit(0, NAT, 1.0)
    latch.heard_at[0] = 1.0
    assert not latch.admit(0, STRANGER, 1.0 + RELATCH_SILENCE - 0.01)
    assert latch.target(0) == NAT


def test_another_source_takes_over_when_the_locked_one_is_silent(latch: Latch) -> None:
    latch.admit(0, NAT, 1.0)
    latch.heard_at[0] = 1.0
    assert latch.admit(0, STRANGER, 1.0 + RELATCH_SILENCE)


def test_the_address_of_the_sdp_may_always_take_over(latch: Latch) -> None:
    latch.admit(0, STRANGER, 1.0)
    latch.heard_at[0] = 1.0
    assert latch.admit(0, SDP, 1.01)


def test_the_same_sdp_again_changes_nothing_and_a_new_one_unlocks(latch: Latch) -> None:
    latch.admit(0, NAT, 1.0)
    latch.configure(0, *SDP)
    assert latch.target(0) == NAT
    latch.configure(0, "10.0.0.2", 4_002)
    assert latch.target(0) == ("10.0.0.2", 4_002)


def test_an_ipv6_source_is_compared_with_the_sdp_without_flow_and_scope() -> None:
    latch = Latch(1)
    latch.configure(0, "::1", 4_000)
    latch.admit(0, ("::2", 9, 0, 0), 0.0)
    assert latch.admit(0, ("::1", 4_000, 0, 0), 0.0)
    assert latch.locked[0] == ("::1", 4_000, 0, 0)


def test_a_closed_lane_forgets_everything(latch: Latch) -> None:
    latch.admit(0, NAT, 1.0)
    latch.reset(0)
    assert latch.target(0) is None
