"""Digits inside RTP (RFC 4733, telephone-event): reading, recognising, sending.

A key press is a run of packets that all carry the RTP timestamp of its beginning and a growing duration;
the last one, marked as the end, is sent three times. Any of them can be lost, so the detector needs just
one. Times are seconds of any monotonic clock, durations on the wire are ticks of the RTP clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DIGITS: Final = "0123456789*#ABCD"
"""The keys, in the order of their event codes 0 to 15 (RFC 4733, section 3.2)."""
LONGEST_DURATION: Final = 0xFFFF
"""Ticks after which a long event goes on as a new segment (RFC 4733, section 2.5.1.3)."""

_PAYLOAD_LENGTH: Final = 4
_END_BIT: Final = 0x80
_VOLUME_MASK: Final = 0x3F
_END_REPEATS: Final = 3
_HALF_RANGE: Final = 1 << 31
_STALE: Final = 5.0  # seconds behind within which an older timestamp is a late packet, not a new clock


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """One payload as it is on the wire."""

    event: int
    """Event code, 0 to 255; 0 to 15 are keys."""
    end: bool
    """Whether the event is over."""
    volume: int
    """Power of the tone in dBm0 below zero, 0 to 63."""
    duration: int
    """Ticks since the RTP timestamp of the packet, 0 to 65,535."""


@dataclass(frozen=True, slots=True)
class Digit:
    """A key that was pressed and released."""

    digit: str
    """One of `DIGITS`."""
    duration: float
    """Seconds it was held, as far as was heard."""
    end_seen: bool
    """False if no end arrived, and silence or the next key ended it."""


@dataclass(frozen=True, slots=True)
class EventPacket:
    """One packet of a key press to send."""

    delay: float
    """Seconds after the first packet."""
    timestamp_offset: int
    """Ticks to add to the RTP timestamp of the first packet; more than 0 only after a new segment."""
    marker: bool
    payload: bytes


@dataclass(slots=True)
class _Press:
    """The event the detector hears, or heard last."""

    event: int
    start: int  # RTP timestamp
    segment: int  # RTP timestamp of the current segment
    duration: int  # ticks since start
    heard_at: float
    over: bool = False
    moved: bool = False  # its stream was replaced by another


def parse(payload: bytes | bytearray | memoryview) -> TelephoneEvent | None:
    """Read a payload; None if it is too short. Octets after the first event are ignored."""
    if len(payload) < _PAYLOAD_LENGTH:
        return None
    return TelephoneEvent(
        event=payload[0],
        end=bool(payload[1] & _END_BIT),
        volume=payload[1] & _VOLUME_MASK,
        duration=payload[2] << 8 | payload[3],
    )


def build_event(event: int, *, end: bool, volume: int, duration: int) -> bytes:
    """Return the payload of one event.

    Raises:
        ValueError: a field does not fit: event 0 to 255, volume 0 to 63, duration 0 to 65,535.
    """
    if not (0 <= event <= 255 and 0 <= volume <= _VOLUME_MASK and 0 <= duration <= LONGEST_DURATION):
        raise ValueError(f"Event {event}, volume {volume}, duration {duration} do not fit RFC 4733's fields.")
    return bytes((event, (_END_BIT if end else 0) | volume, duration >> 8, duration & 0xFF))


def schedule(
    digit: str, *, duration: float = 0.16, interval: float = 0.02, volume: int = 10, clock_rate: int = 8000
) -> list[EventPacket]:
    """Return the packets of one key press, three ends included.

    Args:
        digit: one of `DIGITS`, letters in either case.
        duration: seconds the key is held.
        interval: seconds between packets.
        volume: tone power in dBm0 below zero.
        clock_rate: RTP clock in Hz.

    Raises:
        ValueError: there is no such key.
    """
    event = DIGITS.find(digit.upper())
    if len(digit) != 1 or event < 0:
        raise ValueError(f"{digit!r} is not a key of a telephone; use one of {DIGITS}.")
    updates = max(1, round(duration / interval))
    step = round(interval * clock_rate)
    packets = []
    for number in range(updates + _END_REPEATS - 1):
        ticks = min(number + 1, updates) * step
        end = number + 1 >= updates
        # A segment is full at 65,535 ticks; an event that ends there needs no further one.
        segment = (ticks - 1) // LONGEST_DURATION * LONGEST_DURATION
        payload = build_event(event, end=end, volume=volume, duration=ticks - segment)
        packets.append(EventPacket(number * interval, segment, number == 0, payload))
    return packets


class DigitDetector:
    """Turns the telephone-event packets of one lane into digits, each exactly once.

    Args:
        clock_rate: RTP clock in Hz.
        patience: seconds without a packet after which a key counts as released.

    Attributes:
        clock_rate: as given.
    """

    def __init__(self, clock_rate: int = 8000, patience: float = 0.2) -> None:
        self.clock_rate = clock_rate
        self._patience = patience
        self._press: _Press | None = None

    @property
    def pressed(self) -> str | None:
        """The key that is down now; an agent that is interrupted by keys need not wait for its release."""
        press = self._press
        return DIGITS[press.event] if press is not None and not press.over else None

    def reset(self) -> None:
        """Forget everything: another call."""
        self._press = None

    def restart(self) -> None:
        """The stream begins anew, perhaps with a key down: timestamps say nothing about the press before."""
        if self._press is not None:
            self._press.moved = True

    def feed(self, payload: bytes | bytearray | memoryview, timestamp: int, now: float) -> tuple[Digit, ...]:
        """Take one packet.

        Args:
            payload: its payload; what is not a key is ignored.
            timestamp: its RTP timestamp.
            now: when it arrived.

        Returns:
            The keys that are released by it: at most the one before, whose end was lost, and its own.
        """
        event = parse(payload)
        if event is None or event.event >= len(DIGITS):
            return ()
        press = self._press
        if press is not None and press.moved:
            press = self._in_another_stream(press, event, timestamp, now)
        if press is not None and self._same_press(press, event, timestamp):
            return self._continue(press, event, timestamp, now)
        if press is not None and self._is_late(press, timestamp, now):
            return ()
        digits = self._release(end_seen=False)
        self._press = _Press(event.event, timestamp, timestamp, event.duration, now)
        return digits + (self._release(end_seen=True) if event.end else ())

    def poll(self, now: float) -> tuple[Digit, ...]:
        """Return the key whose end never came, once nothing was heard of it for the patience."""
        press = self._press
        if press is None or press.over or now - press.heard_at < self._patience:
            return ()
        return self._release(end_seen=False)

    def _in_another_stream(
        self, press: _Press, event: TelephoneEvent, timestamp: int, now: float
    ) -> _Press | None:
        """Recognise the press of the stream before in this one by its duration, which has not gone down."""
        goes_on = event.event == press.event and event.duration >= press.duration
        if not goes_on or now - press.heard_at >= self._patience:
            return None
        press.start = press.segment = timestamp
        press.moved = False
        return press

    def _same_press(self, press: _Press, event: TelephoneEvent, timestamp: int) -> bool:
        """Tell whether a packet belongs to the press that is known."""
        if event.event != press.event:
            return False
        if timestamp in (press.start, press.segment):
            return True
        if _distance(timestamp, press.segment) == LONGEST_DURATION:
            return not press.over
        # Some senders let the timestamp run within a press: then timestamp less duration stays put, but for
        # one packet of 20 ms. A new press cannot come so soon: the fastest diallers leave 40 ms in between.
        begun = _distance(timestamp, press.start) - event.duration
        return abs(begun) <= self.clock_rate // 40

    def _continue(
        self, press: _Press, event: TelephoneEvent, timestamp: int, now: float
    ) -> tuple[Digit, ...]:
        """Lengthen the press that is known; report it if this is its first end."""
        if _distance(timestamp, press.segment) == LONGEST_DURATION:
            press.segment = timestamp
        before = _distance(timestamp, press.start) if timestamp == press.segment else 0
        heard = event.duration + max(0, before)
        press.duration = max(press.duration, heard)
        press.heard_at = now
        return self._release(end_seen=True) if event.end else ()

    def _is_late(self, press: _Press, timestamp: int, now: float) -> bool:
        """Tell whether a packet is of an older press, overtaken on its way."""
        behind = -_distance(timestamp, press.segment)
        return 0 < behind < _STALE * self.clock_rate and now - press.heard_at < _STALE

    def _release(self, *, end_seen: bool) -> tuple[Digit, ...]:
        """End the press that is known, if it has not ended; keep it to recognise its repeats."""
        press = self._press
        if press is None or press.over:
            return ()
        press.over = True
        return (Digit(DIGITS[press.event], press.duration / self.clock_rate, end_seen),)


def _distance(later: int, earlier: int) -> int:
    """Return `later - earlier` of RTP timestamps, across the wrap."""
    return (later - earlier + _HALF_RANGE) % (2 * _HALF_RANGE) - _HALF_RANGE
