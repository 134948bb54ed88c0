"""Symmetric RTP: which source a lane listens to, and where its packets go (RFC 4961).

SDP says where the far end listens, but behind NAT it is heard from elsewhere. The first valid source is
locked; anybody else is refused ("RTP bleed"), until the locked source has been silent for a second. The
address of the SDP itself may always take over: it is the one that signalling vouches for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RELATCH_SILENCE", "Address", "Latch"]

Address = tuple[str, int] | tuple[str, int, int, int]
"""As the socket module has it; IPv6 has flow and scope behind the port."""

RELATCH_SILENCE: Final = 1.0
"""Seconds of silence after which another source may take the place of the locked one."""


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

    def configure(self, lane: int, address: str, port: int) -> None:
        """Set the address of the SDP; a new one unlocks the lane, the same one changes nothing."""
        if self._signalled[lane] != (address, port):
            self._signalled[lane] = (address, port)
            self.locked[lane] = None

    def reset(self, lane: int) -> None:
        """Forget the lane's addresses."""
        self._signalled[lane] = self.locked[lane] = None

    def target(self, lane: int) -> Address | None:
        """Where to send: the locked source, before there is one the address of the SDP."""
        return self.locked[lane] or self._signalled[lane]

    def admit(self, lane: int, source: Address, now: float) -> bool:
        """Decide about a valid packet from another source than the locked one.

        Returns:
            Whether `source` is now the locked source.
        """
        silent = now - self.heard_at[lane] >= RELATCH_SILENCE
        if self.locked[lane] is None or silent or source[:2] == self._signalled[lane]:
            self.locked[lane] = source
            return True
        return False
