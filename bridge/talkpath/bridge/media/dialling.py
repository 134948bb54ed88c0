"""Digits that lanes send: RFC 4733 events in place of the voice packets of some slots.

The stream of a lane runs on: an event takes the place of the packet that the slot would have carried, with
its sequence number, so that SSRC, encryption and counting need to know nothing about digits. The lane's
speech waits meanwhile, and continues where it stopped.
"""

from __future__ import annotations

import collections
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from talkpath.bridge.media.lane import FRAME_MS, SAMPLE_RATE, DigitsSent
from talkpath.codecs import rtp
from talkpath.codecs.telephone_event import DIGITS, EventPacket, schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from talkpath.bridge.media.downlink import Downlink
    from talkpath.bridge.media.lane import MediaEvent

__all__ = ["PAUSES", "TONE_SECONDS", "Dialler", "plan"]

PAUSES: Final = {"w": 0.5, ",": 2.0}
"""Seconds of silence for each character that is no key."""
TONE_SECONDS: Final = 0.1
"""A key is held for so long: exchanges want 40 ms, many PBXs twice that."""

_GAP_SLOTS: Final = 3  # after the last end packet: 60 ms, and 100 ms from tone to tone
_MARKER: Final = 0x80
_PATIENCE: Final = 1.0  # beyond what was queued, should it be flushed and followed by more
_NOT_NEGOTIATED: Final = -1

Slots = collections.deque[EventPacket | None]


def plan(digits: str, clock_rate: int = SAMPLE_RATE) -> Slots:
    """What the slots of 20 ms carry, one after the other: a packet of a key, or `None` for silence.

    Args:
        digits: Keys (`telephone_event.DIGITS`, letters in either case) and pauses (`PAUSES`).
        clock_rate: Ticks per second of the events' clock.

    Raises:
        ValueError: There is a character that is neither.
    """
    slots: Slots = collections.deque()
    for character in digits:
        pause = PAUSES.get(character)
        if pause is None:
            slots += schedule(character, duration=TONE_SECONDS, clock_rate=clock_rate)
            slots += [None] * _GAP_SLOTS
        else:
            slots += [None] * round(pause * 1_000 / FRAME_MS)
    return slots


@dataclass(slots=True)
class _Order:
    slots: Slots
    begin_after: int
    """Position in the lane's playout: the speech before the digits ends there."""
    begin_at: float
    """Monotonic seconds at which they begin whatever became of that speech."""
    begun: bool = False
    timestamp: int = 0
    """RTP timestamp of the key that is held."""


class Dialler:
    """The lanes that send digits.

    Args:
        lanes: Number of lanes.
        downlink: Its speech waits meanwhile.

    Attributes:
        active: Orders by lane; empty nearly always.
    """

    def __init__(self, lanes: int, downlink: Downlink) -> None:
        self.active: dict[int, _Order] = {}
        self._downlink = downlink
        self._payload_type = [_NOT_NEGOTIATED] * lanes
        self._clock_rate = [SAMPLE_RATE] * lanes

    def configure(self, lane: int, payload_type: int | None, clock_rate: int = SAMPLE_RATE) -> None:
        """Set payload type and clock of telephone events; `None`: the far end does not take them."""
        self._payload_type[lane] = _NOT_NEGOTIATED if payload_type is None else payload_type
        self._clock_rate[lane] = clock_rate

    def dial(self, lane: int, digits: str, now: float) -> None:
        """Send digits as soon as the speech that is queued has gone out; `DigitsSent` follows.

        Raises:
            ValueError: A character is neither a key nor a pause, or digits are being sent already.
        """
        if lane in self.active:
            raise ValueError("Digits are being sent on this lane; wait for their end, or stop them.")
        speech = self._downlink.playout(lane)
        latest = now + speech.queued_ms(lane) / 1_000 + _PATIENCE
        self.active[lane] = _Order(plan(digits, self._clock_rate[lane]), speech.end(lane), latest)

    def stop(self, lane: int) -> None:
        """Send no more digits on a lane, and let its speech continue."""
        if self.active.pop(lane, None) is not None:
            self._downlink.wait(lane, waits=False)

    def replace(
        self,
        lanes: list[int],
        packets: NDArray[np.uint8],
        views: list[memoryview],
        now: float,
        events: list[MediaEvent],
    ) -> Sequence[memoryview]:
        """Put events in place of the voice packets of a slot.

        Args:
            lanes: The lanes of the phase (k,).
            packets: Their packets, ready to be sent (k, bytes); not changed.
            views: The same, row by row.
            now: Monotonic seconds.
            events: `DigitsSent` is appended.

        Returns:
            What is to be sent (k,).
        """
        chosen: list[memoryview] = views
        for index, lane in enumerate(lanes):
            order = self.active.get(lane)
            if order is None:
                continue
            event = self._next(lane, order, now, events)
            if event is not None:
                chosen = views.copy() if chosen is views else chosen
                chosen[index] = self._packet(lane, order, event, packets[index])
        return chosen

    def _next(self, lane: int, order: _Order, now: float, events: list[MediaEvent]) -> EventPacket | None:
        """The event of this slot; an order begins with the slot after the last speech."""
        if not order.begun:
            speech = self._downlink.playout(lane)
            if speech.passed(lane, order.begin_after) or speech.idle(lane) or now >= order.begin_at:
                order.begun = True
                self._downlink.wait(lane, waits=True)
            return None
        complete = not order.slots
        if complete or self._payload_type[lane] == _NOT_NEGOTIATED:
            self.stop(lane)
            events.append(DigitsSent(lane, complete))
            return None
        return order.slots.popleft()

    def _packet(self, lane: int, order: _Order, event: EventPacket, voice: NDArray[np.uint8]) -> memoryview:
        header = bytearray(voice[: rtp.HEADER_LENGTH].tobytes())
        if event.marker:
            order.timestamp = int.from_bytes(header[4:8], "big")
        timestamp = (order.timestamp + event.timestamp_offset) & 0xFFFFFFFF
        header[1] = self._payload_type[lane] | (_MARKER if event.marker else 0)
        header[4:8] = timestamp.to_bytes(4, "big")
        return memoryview(bytes(header) + event.payload)


def is_dialable(character: str) -> bool:
    """Whether a character is a key or a pause."""
    return character in PAUSES or (len(character) == 1 and character.upper() in DIGITS)
