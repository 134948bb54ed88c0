"""What is fuzzed: each target runs one case of chance through the media plane and checks what must hold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Protocol

from talkpath.bridge.media.counters import Cause
from talkpath.bridge.media.lane import Digit
from talkpath.bridge.media.srtp import Srtp
from talkpath.codecs import rtcp, telephone_event
from tests.bridge.media.phone import Line, frame, packet, udp
from tests.bridge.media.test_opus_lane import packets_of as encoded
from tests.bridge.media.test_srtp import SIZES, key
from tests.bridge.media.wide import tone
from tests.fuzz.mutation import mutated

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_INCOMING: Final = [cause.name.lower() for cause in list(Cause)[:14]]
"""Counters of which each packet at an RTP port moves at least one."""
_SRTP: Final = [cause.name.lower() for cause in Cause if cause.name.startswith(("SRTP_", "SRTCP_"))]
OPUS_PACKETS: Final = (bytes([9 << 3]), bytes([1 << 3 | 3, 6]) + bytes(6), *encoded(tone(600, 16_000, 0.2)))
"""Nothing but a first octet (DTX), 120 ms, and ordinary ones."""
_FASTEST: Final = 1.1
"""How much faster than time a source may be for ever (`talkpath.bridge.media.allowance`)."""
_MOST_AHEAD: Final = 100 + 25 + 14
"""Frames that a lane may have given the model beyond that: 2 s that a source may be ahead once, a gap of half
a second that is filled at once, and the quarter of a second after which time counts as passed."""


class Target(Protocol):
    """One thing to fuzz."""

    def run(self, random: Random) -> int:
        """Run a case; returns how many datagrams it had.

        Raises:
            AssertionError: Something that must hold does not.
        """

    def close(self) -> None:
        """Give everything back."""


class _LaneTarget:
    """A plane on which each case opens a lane beside one that nothing may disturb."""

    def __init__(self) -> None:
        self.line = Line(lanes=8)
        self.stranger = udp()

    def close(self) -> None:
        self.stranger.close()
        self.line.close()

    def open(self, random: Random, **media: Any) -> int:
        self.line.events.clear()
        self.line.frames.clear()
        return self.line.open(random.choice(("pcmu", "pcm")), **media)

    def shut(self, lane: int) -> None:
        self.line.plane.close_lane(lane)
        self.line.ports.pop(lane).close()
        self.line.phones.pop(lane).close()

    def talk(self, random: Random, lane: int, datagrams: Callable[[int], bytes], slots: int) -> int:
        """Send a few datagrams per slot to a lane, and a clean call to the one beside it."""
        beside, sent = self.line.open("pcmu"), 0
        for slot in range(slots):
            for _ in range(random.choice((0, 1, 1, 2, 5, 12))):
                source = self.stranger if random.random() < 0.1 else None
                self.line.say(lane, datagrams(slot), source)
                sent += 1
            self.line.say(beside, packet(frame(slot), slot, 160 * slot))
            self.line.run(0.02)
        self.line.run(0.02)  # what a full beat left over
        said = b"".join(frame(slot) for slot in range(slots))
        assert bytes(self.line.uplink[beside][: len(said)]) == said, "the lane beside it was disturbed"
        frames = sum(number == lane for _, number, _ in self.line.frames)
        assert frames <= slots * _FASTEST + _MOST_AHEAD, "more audio than time"
        self.shut(beside)
        return sent

    def counted(self, lane: int, names: list[str]) -> int:
        counters = self.line.plane.counters.of(lane)
        return sum(counters.get(name, 0) for name in names)


class RtpTarget(_LaneTarget):
    """RTP of any shape, from the caller and from a stranger."""

    def run(self, random: Random) -> int:
        """One call of up to 30 slots."""
        codec, own = random.choice((("PCMU", 0), ("PCMA", 8), ("G722", 9), ("OPUS", 111)))
        lane = self.open(random, codec=codec, payload_type=own)
        sequence, timestamp = random.getrandbits(16), random.getrandbits(32)
        recent: list[bytes] = []

        def datagram(slot: int) -> bytes:
            said = frame(slot, random.choice((160, 160, 160, 80, 240)))
            ticks = 160
            if codec == "OPUS":
                said, ticks = random.choice(OPUS_PACKETS), 960
            kind = random.choice((own, own, own, 0, 13, 101, 96))
            clean = packet(said, sequence + slot, timestamp + ticks * slot, payload_type=kind)
            recent.append(clean)
            return mutated(clean, random, recent[-8:])

        sent = self.talk(random, lane, datagram, random.randrange(1, 30))
        assert self.counted(lane, _INCOMING) >= sent, "a packet was not counted"
        self.shut(lane)
        return sent


class TelephoneEventTarget(_LaneTarget):
    """RFC 4733 with payloads, durations and ends of any kind."""

    def run(self, random: Random) -> int:
        """A few key presses among damaged ones."""
        lane = self.open(random)
        start = random.getrandbits(32)

        def datagram(slot: int) -> bytes:
            event = telephone_event.build_event(
                random.choice((*range(16), 16, 255)),
                end=random.random() < 0.3,
                volume=random.randrange(64),
                duration=random.choice((0, 160 * slot, 0xFFFF)),
            )
            payload = mutated(event, random)[:100] if random.random() < 0.5 else event
            timestamp = start + random.choice((0, 0, 800, -800, 1 << 31))
            return packet(payload, slot, timestamp, payload_type=101, marker=random.random() < 0.2)

        sent = self.talk(random, lane, datagram, random.randrange(1, 30))
        digits = [event for event in self.line.events if isinstance(event, Digit) and event.lane == lane]
        assert len(digits) <= sent, "more digits than packets"
        assert all(event.digit in telephone_event.DIGITS for event in digits), "no key of a telephone"
        assert all(0 <= event.duration_ms < 3_600_000 for event in digits), "an impossible duration"
        assert self.counted(lane, _INCOMING) >= sent, "a packet was not counted"
        self.shut(lane)
        return sent


class RtcpTarget(_LaneTarget):
    """Reports on the RTP port, on a port of their own, and at the parser alone."""

    def run(self, random: Random) -> int:
        """A dozen compound packets."""
        lane = self.open(random, rtcp_mux=True)
        self.line.say(lane, packet(frame(0), 0, 0))
        self.line.tick()
        for _ in range(12):
            clean = _report(random)
            damaged = mutated(clean, random, [_report(random)])
            items = rtcp.parse(damaged)
            assert isinstance(items, rtcp.RtcpRejectCause) or len(items) <= len(damaged) // 4
            assert not isinstance(rtcp.parse(clean), rtcp.RtcpRejectCause), "a good report was refused"
            self.line.say(lane, damaged)
            self.line.run(0.02)
        peer = self.line.plane.statistics(lane).peer
        for value in (peer.fraction_lost, peer.jitter_ms, peer.round_trip_ms):
            assert value is None or (math.isfinite(value) and value >= 0), peer
        assert self.counted(lane, _INCOMING) >= 12, "a packet was not counted"
        self.shut(lane)
        return 12


def _report(random: Random) -> bytes:
    blocks = tuple(
        rtcp.ReportBlock(
            ssrc=random.getrandbits(32),
            fraction_lost=random.getrandbits(8),
            lost=random.randrange(-(1 << 23), 1 << 23),
            highest_sequence=random.getrandbits(32),
            jitter=random.getrandbits(32),
            last_report=random.getrandbits(32),
            since_last_report=random.getrandbits(32),
        )
        for _ in range(random.randrange(3))
    )
    if random.random() < 0.5:
        report: rtcp.SenderReport | rtcp.ReceiverReport = rtcp.ReceiverReport(random.getrandbits(32), blocks)
    else:
        report = rtcp.SenderReport(
            random.getrandbits(32),
            random.getrandbits(64),
            *(random.getrandbits(32), random.getrandbits(32), random.getrandbits(32)),
            blocks,
        )
    return random.choice((rtcp.build_report, rtcp.build_goodbye))(report, "fuzz")


class SrtpTarget(_LaneTarget):
    """An encrypted lane: what was changed, repeated or made up must not get through, what is good must."""

    def run(self, random: Random) -> int:
        """One call, which may change its key in the middle."""
        suite = random.choice(tuple(SIZES))
        lane = self.open(random, local_crypto=key(1, suite), remote_crypto=key(2, suite))
        phone = Srtp(lambda _cause: None)
        phone.configure(key(2, suite), key(1, suite))
        number, good, recent = random.randrange(1 << 15), 0, [b""]

        def datagram(slot: int) -> bytes:
            nonlocal number, good
            if slot == 12 and random.random() < 0.5:
                phone.configure(key(3, suite), key(1, suite))
                self.line.configure(lane, local_crypto=key(1, suite), remote_crypto=key(3, suite))
            number += 1
            report = random.random() < 0.1
            clean = packet(frame(number), number, 160 * number)
            sealed = phone.protect_control(_report(random)) if report else phone.protect(clean)
            if random.random() < 0.5:
                good += not report
                recent.append(sealed)
                return sealed
            return random.choice(
                (
                    mutated(sealed, random, recent) + b"!",
                    random.choice(recent),
                    clean,
                    random.randbytes(random.randrange(200)),
                )
            )

        sent = self.talk(random, lane, datagram, random.randrange(1, 30))
        counters = self.line.plane.counters.of(lane)
        assert counters.get("packets_received", 0) <= good, "a packet got through that the phone did not send"
        assert self.counted(lane, [*_INCOMING, *_SRTP]) >= sent, "a packet was not counted"
        self.shut(lane)
        return sent


TARGETS: Final[dict[str, type[Any]]] = {
    "rtp": RtpTarget,
    "rtcp": RtcpTarget,
    "telephone-event": TelephoneEventTarget,
    "srtp": SrtpTarget,
}
