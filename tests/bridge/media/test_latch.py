"""Which source a lane listens to."""

from __future__ import annotations

import pytest

from talkpath.bridge.media.latch import LEARNING, PROBATION_PACKETS, RELATCH_SILENCE, Claim, Latch, Standing

SDP, SAME_HOST = ("10.0.0.1", 4_000), ("10.0.0.1", 9)
NAT, STRANGER, OTHER = ("192.0.2.1", 61_000), ("203.0.113.9", 9), ("203.0.113.10", 9)
SIP_HOST = NAT[0]


class Line:
    """A lane whose sources send a packet every 20 ms."""

    def __init__(self, *, authentic: bool = False) -> None:
        self.latch = Latch(2)
        self.latch.configure(0, *SDP, signalling_host=SIP_HOST, authentic=authentic)
        self.now = 10.0
        self.sequence = 100

    def comes(self, source: tuple[str, int], *, ssrc: int = 1, after: float = 0.02, step: int = 1) -> bool:
        """A packet; returns whether the lane takes it."""
        self.now += after
        self.sequence += step
        latch = self.latch
        ahead = step if ssrc == 1 else None
        known = source == latch.locked[0]
        taken = known or latch.admit(0, Claim(source, ssrc, self.sequence & 0xFFFF, ahead), self.now)
        if taken:
            latch.heard_at[0] = self.now
        return taken


@pytest.fixture
def line() -> Line:
    return Line()


def test_before_the_first_packet_audio_goes_where_the_sdp_says(line: Line) -> None:
    assert line.latch.target(0) == SDP
    assert line.latch.target(1) is None


def test_standing_is_what_signalling_says_for_a_source(line: Line) -> None:
    standing = [line.latch.standing(0, source) for source in (STRANGER, NAT, SAME_HOST, SDP)]
    assert standing == list(Standing)


@pytest.mark.parametrize("source", [SDP, SAME_HOST, NAT])
def test_a_source_that_signalling_vouches_for_is_locked_at_once(line: Line, source: tuple[str, int]) -> None:
    assert line.comes(source)
    assert line.latch.locked[0] == line.latch.target(0) == source


def test_a_stranger_is_taken_after_some_packets_in_order(line: Line) -> None:
    assert [line.comes(STRANGER) for _ in range(PROBATION_PACKETS)] == [False] * 3 + [True]


@pytest.mark.parametrize(
    "facts",
    [{"step": 0}, {"step": 7}, {"step": -1}, {"after": 1.5}],
    ids=["the-same", "gaps", "backwards", "pauses"],
)
def test_who_sprays_packets_is_not_taken(line: Line, facts: dict[str, float]) -> None:
    assert not any(line.comes(STRANGER, **facts) for _ in range(50))  # type: ignore[arg-type]  # numbers both
    assert line.latch.target(0) == SDP


def test_another_ssrc_in_each_packet_is_not_taken(line: Line) -> None:
    assert not any(line.comes(STRANGER, ssrc=number) for number in range(50))


def test_others_who_spray_do_not_keep_a_stranger_from_its_probation(line: Line) -> None:
    taken = []
    for number in range(PROBATION_PACKETS):
        taken.append(line.comes(STRANGER))
        for port in range(5):
            line.comes(("198.51.100.7", 1_000 + number * 5 + port), after=0, step=0)
    assert taken[-1]


def test_the_signalled_address_takes_over_in_the_first_seconds(line: Line) -> None:
    line.comes(NAT)
    assert line.comes(SAME_HOST)
    assert line.comes(SDP)
    assert not line.comes(NAT)
    assert not line.comes(SAME_HOST)


def test_after_the_first_seconds_the_source_is_locked(line: Line) -> None:
    for _ in range(round(LEARNING / 0.02) + 1):
        line.comes(NAT)
    assert not line.comes(SDP)
    assert line.latch.target(0) == NAT


def test_a_stranger_gives_way_at_any_time_to_one_that_signalling_vouches_for(line: Line) -> None:
    for _ in range(1_000):
        line.comes(STRANGER)
    assert not line.comes(OTHER)
    assert line.comes(NAT)
    assert not any(line.comes(STRANGER) for _ in range(40))


def test_a_silent_source_is_followed_to_where_its_stream_goes_on(line: Line) -> None:
    line.comes(NAT)
    assert not line.comes(OTHER, after=RELATCH_SILENCE - 0.1)
    assert line.comes(OTHER, after=0.2)


@pytest.mark.parametrize(
    "facts", [{"ssrc": 2}, {"step": -5}, {"step": 40_000}], ids=["ssrc", "backwards", "far-ahead"]
)
def test_a_stranger_with_another_stream_never_takes_the_place_of_a_silent_source(
    line: Line, facts: dict[str, int]
) -> None:
    line.comes(NAT)
    line.now += 30.0
    assert not line.latch.admit(0, Claim(STRANGER, 2, 0), line.now)
    assert not line.comes(STRANGER, **facts)
    assert line.comes((NAT[0], 7), ssrc=3), "the telephone's host may begin another stream"


def test_what_is_authentic_needs_no_other_proof() -> None:
    line = Line(authentic=True)
    assert line.comes(STRANGER)
    assert not line.comes(OTHER)
    assert line.comes(OTHER, ssrc=2, after=RELATCH_SILENCE)


def test_the_same_sdp_again_changes_nothing_and_a_new_one_unlocks(line: Line) -> None:
    line.comes(NAT)
    line.latch.configure(0, *SDP, signalling_host=SIP_HOST)
    assert line.latch.target(0) == NAT
    line.latch.configure(0, "10.0.0.2", 4_002)
    assert line.latch.target(0) == ("10.0.0.2", 4_002)


def test_an_ipv6_source_is_compared_with_the_sdp_without_flow_and_scope_in_any_spelling() -> None:
    latch = Latch(1)
    latch.configure(0, "2001:DB8:0:0::1", 4_000)
    assert latch.admit(0, Claim(("2001:db8::1", 4_000, 0, 0), 1, 1), 0.0)
    assert latch.locked[0] == ("2001:db8::1", 4_000, 0, 0)


def test_a_closed_lane_forgets_everything(line: Line) -> None:
    line.comes(NAT)
    line.latch.reset(0)
    assert line.latch.target(0) is None
    assert line.latch.standing(0, NAT) is Standing.STRANGER
