"""Counters named by cause: one row per lane, one column per cause.

A counter exists because somebody can act on it, so idle is kept apart from starved and late from
lost. The hot path adds to many lanes with one array operation; the metrics edge reads `totals`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Cause", "Counters", "LatenessHistogram"]


class Cause(IntEnum):
    """What happened; the lower-case name is the metric's label."""

    PACKETS_RECEIVED = 0
    """Valid RTP from the lane's source, of any payload type."""
    TOO_SHORT = 1
    """Shorter than an RTP header. This and the next five are `talkpath.codecs.rtp.RejectCause`."""
    BAD_VERSION = 2
    """Not RTP version 2: STUN, DTLS, T.38 or noise."""
    BAD_CSRC = 3
    """The list of contributing sources runs over the end."""
    BAD_EXTENSION = 4
    """The header extension runs over the end."""
    BAD_PADDING = 5
    """Impossible padding."""
    RTCP = 6
    """RTCP, on its own port or on the RTP port (RFC 5761)."""
    OVERSIZED = 7
    """Longer than any audio packet a lane accepts."""
    WRONG_SOURCE = 8
    """From an address that is not the lane's (RTP bleed, injection)."""
    WRONG_PAYLOAD_TYPE = 9
    """A payload type that was not negotiated."""
    COMFORT_NOISE = 10
    """RFC 3389 packets: the caller's silence suppression, replaced by silence."""
    DTMF_PACKETS = 11
    """RFC 4733 packets."""
    NOT_RECEIVING = 12
    """Arrived while the lane was on hold or not configured."""
    LATE = 13
    """Arrived after its place was given up."""
    DUPLICATE = 14
    """Arrived before."""
    OVERRUN = 15
    """Dropped because the source sends faster than real time."""
    REORDERED = 16
    """Arrived after a later packet and still in time."""
    RESYNCHRONISED = 17
    """The stream jumped: new SSRC, timestamp jump, restarted source."""
    REALIGNED = 18
    """The stream was delayed beyond the target; its later audio is kept."""
    FRAMES_UPLINK = 19
    """20 ms frames passed on towards the model."""
    FRAMES_LOST_FILLED = 20
    """Of these, frames with a hole that was waited for in vain."""
    FRAMES_GAP_FILLED = 21
    """Of these, frames of silence because nothing arrived (DTX, mute, network)."""
    DTX_FILLED_BYTES = 22
    """Samples of silence the source left out on purpose (RFC 3551, 4.1)."""
    PACKETS_SENT = 23
    """RTP packets handed to the socket."""
    FRAMES_PLAYED = 24
    """Of these, frames with model audio; the others are silence or sound."""
    FRAMES_STARVED = 25
    """Frames of silence in the middle of an item: the model was slower than real time."""
    FRAMES_SOUND = 26
    """Frames of comfort sound or announcement."""
    FRAMES_SKIPPED = 27
    """20 ms slots that were not sent because the process was far too late."""
    OVERFLOW_BYTES = 28
    """Model audio dropped because the playout queue was full (encoded bytes)."""
    SEND_BLOCKED = 29
    """The socket's send buffer was full (EAGAIN, ENOBUFS)."""
    SEND_UNREACHABLE = 30
    """No route or refused (ENETUNREACH, EHOSTUNREACH, ECONNREFUSED, EPERM)."""
    SEND_FAILED = 31
    """Any other error of sendto."""
    RELATCHED = 32
    """The caller's address changed during the call."""
    RECEIVE_ERRORS = 33
    """The socket reported an error when read."""
    FRAMES_CONCEALED = 34
    """Of the frames towards the model, those extrapolated from what was heard before a loss."""
    RTCP_MALFORMED = 35
    """On an RTCP port, or looking like RTCP, and not readable."""
    RTCP_SENT = 36
    """RTCP handed to the socket."""
    RTCP_UNSENT = 37
    """RTCP that the socket refused."""
    SRTP_UNAUTHENTICATED = 38
    """Not encrypted with the peer's key: another key, or plain RTP from somebody who has none."""
    SRTP_REPLAYED = 39
    """Encrypted with the peer's key and seen before, or too old to tell."""
    SRTP_MALFORMED = 40
    """On a lane with SRTP, and neither SRTP nor SRTCP."""
    SRTP_OLD_KEY = 41
    """Taken, though encrypted with the key before: the peer has not changed yet."""
    SRTP_SOURCES = 42
    """The peer used more SSRCs under one key than a lane follows."""
    FRAMES_JOINED = 43
    """Frames of another lane that were sent on this one: caller and human talk through us."""
    JOIN_DROPPED = 44
    """Of another lane's frames, those left out: they came faster than they could be sent."""
    JOIN_STARVED = 45
    """Times that the other lane's frames ran out; silence was sent instead."""
    UNDERRUNS = 46
    """Times that the model's audio ran out in the middle of an item; each was faded out and in."""
    SRTCP_REFUSED = 47
    """RTCP on a lane with SRTP that is not, or not well, encrypted with the peer's key."""
    BAD_PAYLOAD = 48
    """Audio that is not what its codec allows: no packet of Opus."""


_NAMES: Final = tuple(cause.name.lower() for cause in Cause)


class Counters:
    """Counters of every lane and the totals of the plane.

    Attributes:
        table: Shape (lanes, causes), int64. Add with `counters.table[rows, cause] += n` where rows
            are unique.
    """

    def __init__(self, lanes: int) -> None:
        self.table = np.zeros((lanes, len(Cause)), np.int64)
        self._retired = np.zeros(len(Cause), np.int64)
        self._derived: list[Callable[[], None]] = []

    def derive(self, refresh: Callable[[], None]) -> None:
        """Have `refresh` write a column before it is read: for what its owner knows without counting."""
        self._derived.append(refresh)

    def add(self, lane: int, cause: Cause, count: int = 1) -> None:
        """Add to one lane."""
        self.table[lane, cause] += count

    def add_rows(self, rows: NDArray[np.intp], cause: Cause) -> None:
        """Add one to each lane, lanes unique."""
        self.table[rows, cause] += 1

    def of(self, lane: int) -> dict[str, int]:
        """The lane's counters by lower-case name, without zeros."""
        self._refresh()
        return {name: count for name, count in zip(_NAMES, self.table[lane].tolist(), strict=True) if count}

    def retire(self, lane: int) -> None:
        """Move a closed lane's figures to the plane's totals; derived columns must start at zero again."""
        self._refresh()
        self._retired += self.table[lane]
        self.table[lane] = 0

    def totals(self) -> dict[str, int]:
        """Sums over all lanes, past and present, by lower-case name."""
        self._refresh()
        sums = self._retired + self.table.sum(axis=0)
        return dict(zip(_NAMES, sums.tolist(), strict=True))

    def _refresh(self) -> None:
        for refresh in self._derived:
            refresh()


class LatenessHistogram:
    """How late beats began, in buckets.

    Attributes:
        edges: Upper bounds of the buckets in seconds; the last bucket has none.
        counts: Beats per bucket, one longer than `edges`.
        skipped: Beats that never happened because an earlier one took too long.
        total: Sum of all lateness in seconds.
    """

    edges = (0.0005, 0.001, 0.002, 0.005, 0.010, 0.020, 0.050, 0.100)

    def __init__(self) -> None:
        self.counts = [0] * (len(self.edges) + 1)
        self.skipped = 0
        self.total = 0.0

    def record(self, lateness: float) -> None:
        """Count one beat that began `lateness` seconds after its deadline."""
        bucket = 0
        for edge in self.edges:
            if lateness <= edge:
                break
            bucket += 1
        self.counts[bucket] += 1
        self.total += lateness
