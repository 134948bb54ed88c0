"""Symmetric RTP: which source a lane listens to, and where its packets go (RFC 4961).

SDP says where the far end listens, but behind NAT it is heard from elsewhere, and whoever sends to an open
port may be a stranger ("RTP bleed"). So a source has a *standing*: how much signalling vouches for it.

| the lane hears | and now comes | which takes the lane |
|---|---|---|
| nobody | one vouched for, or authentic | at once |
| nobody | a stranger | after some packets in order |
| a source, for seconds only | one of better standing | at once |
| a stranger | one vouched for | at once |
| a source that fell silent | one vouched for, or authentic, or with the same stream | at once |
| anybody | anybody else | never |
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LEARNING", "PROBATION_PACKETS", "RELATCH_SILENCE", "Address", "Claim", "Latch", "Standing"]

Address = tuple[str, int] | tuple[str, int, int, int]
"""As the socket module has it; IPv6 has flow and scope behind the port."""

RELATCH_SILENCE: Final = 1.0
"""Seconds of silence after which another source may take the place of the locked one."""
LEARNING: Final = 5.0
"""Seconds after the first packet in which a source of better standing takes over; then the lane is locked."""
PROBATION_PACKETS: Final = 4
"""Packets in order, 80 ms of voice, that a stranger must have sent: who sprays ports does not."""
_MAX_CANDIDATES: Final = 8
_MAX_STEP: Final = 3  # one or two lost packets are no reason for doubt
_MAX_PAUSE: Final = 1.0  # seconds between two packets of a probation
_CONTINUES: Final = 3_000  # packets after the last one heard: 60 s


class Standing(IntEnum):
    """How much the signalling says for a source."""

    STRANGER = 0
    SIGNALLING_HOST = 1
    """The host that the SIP messages come from: a telephone behind NAT."""
    MEDIA_HOST = 2
    """The host of the SDP, another port."""
    SIGNALLED = 3
    """The very address of the SDP."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A packet from another source than the locked one.

    Attributes:
        source: Where it came from.
        ssrc: Its SSRC.
        sequence: Its sequence number.
        ahead: By how many packets it is after the last one of the locked source, modulo 65,536; `None` when
            it is of another stream.
    """

    source: Address
    ssrc: int
    sequence: int
    ahead: int | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A stranger on probation."""

    ssrc: int
    sequence: int
    packets: int
    heard_at: float


class Latch:
    """The source of each lane.

    Args:
        lanes: Number of lanes.

    Attributes:
        locked: The source each lane listens to, `None` before the first packet. Read on the hot path.
        heard_at: When each lane last heard its source (lanes,).
    """

    def __init__(self, lanes: int) -> None:
        self.locked: list[Address | None] = [None] * lanes
        self.heard_at: NDArray[np.float64] = np.zeros(lanes)
        self._signalled: list[Address | None] = [None] * lanes
        self._signalling_host = [""] * lanes
        self._authentic = [False] * lanes
        self._learns_until = [0.0] * lanes
        self._candidates: dict[int, dict[Address, _Candidate]] = {}

    def configure(
        self, lane: int, address: str, port: int, *, signalling_host: str = "", authentic: bool = False
    ) -> None:
        """Set the address of the SDP; a new one unlocks the lane, the same one changes nothing.

        Args:
            lane: The lane.
            address: A numeric IP address.
            port: The port.
            signalling_host: IP address that the far end's SIP comes from, if known.
            authentic: Only packets of the far end reach `admit` (SRTP).
        """
        self._signalling_host[lane] = _canonical(signalling_host)
        self._authentic[lane] = authentic
        signalled = (_canonical(address), port)
        if self._signalled[lane] != signalled:
            self._signalled[lane] = signalled
            self.locked[lane] = None
            self._candidates.pop(lane, None)

    def reset(self, lane: int) -> None:
        """Forget the lane's addresses."""
        self._signalled[lane] = self.locked[lane] = None
        self._signalling_host[lane] = ""
        self._authentic[lane] = False
        self._candidates.pop(lane, None)

    def target(self, lane: int) -> Address | None:
        """Where to send: the locked source, before there is one the address of the SDP."""
        return self.locked[lane] or self._signalled[lane]

    def standing(self, lane: int, source: Address) -> Standing:
        """How much the signalling says for a source."""
        signalled = self._signalled[lane]
        if signalled is not None and source[:2] == signalled:
            return Standing.SIGNALLED
        if signalled is not None and source[0] == signalled[0]:
            return Standing.MEDIA_HOST
        known = source[0] == self._signalling_host[lane]
        return Standing.SIGNALLING_HOST if known else Standing.STRANGER

    def admit(self, lane: int, claim: Claim, now: float) -> bool:
        """Decide about a valid packet from another source than the locked one.

        Returns:
            Whether its source is now the locked source.
        """
        locked, standing = self.locked[lane], self.standing(lane, claim.source)
        vouched = standing > Standing.STRANGER or self._authentic[lane]
        if locked is None:
            admitted = vouched or self._on_probation(lane, claim, now)
        elif now - self.heard_at[lane] >= RELATCH_SILENCE:
            admitted = vouched or (claim.ahead is not None and 0 < claim.ahead <= _CONTINUES)
        else:
            before = self.standing(lane, locked)
            learning = now < self._learns_until[lane] or before is Standing.STRANGER
            admitted = learning and standing > before
        if admitted:
            self._lock(lane, claim.source, now)
        return admitted

    def _lock(self, lane: int, source: Address, now: float) -> None:
        if self.locked[lane] is None:
            self._learns_until[lane] = now + LEARNING
        self.locked[lane] = source
        self._candidates.pop(lane, None)

    def _on_probation(self, lane: int, claim: Claim, now: float) -> bool:
        """Whether a stranger has sent enough packets in order."""
        candidates = self._candidates.setdefault(lane, {})
        candidate = candidates.pop(claim.source, None)
        packets = 1
        if candidate and candidate.ssrc == claim.ssrc and now - candidate.heard_at <= _MAX_PAUSE:
            in_order = 0 < (claim.sequence - candidate.sequence) & 0xFFFF <= _MAX_STEP
            packets = candidate.packets + 1 if in_order else 1
        while len(candidates) >= _MAX_CANDIDATES:  # the one that was heard longest ago stands first
            del candidates[next(iter(candidates))]
        candidates[claim.source] = _Candidate(claim.ssrc, claim.sequence, packets, now)
        return packets >= PROBATION_PACKETS


def _canonical(address: str) -> str:
    """An IP address as the kernel writes it."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address
