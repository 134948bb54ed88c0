"""Tells when a caller's RTP stops and when it comes back.

The most frequent fault of a phone call is one-way audio; whoever hears of it can name the cause (NAT, the
address in the SDP, a firewall) while the call is still there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from talkpath.bridge.media.lane import RtpResumed, RtpStopped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from talkpath.bridge.media.lane import MediaEvent

__all__ = ["DEFAULT_RTP_TIMEOUT", "RtpWatchdog"]

DEFAULT_RTP_TIMEOUT: Final = 5.0
"""Seconds without RTP after which it is reported: longer than any comfort noise interval seen."""
_CHECK_INTERVAL: Final = 0.25


class RtpWatchdog:
    """Watches the lanes that should receive.

    Args:
        heard_at: When each lane last heard its source (lanes,); owned by the latch.
        timeout: Seconds.
    """

    def __init__(self, heard_at: NDArray[np.float64], timeout: float) -> None:
        self._heard_at = heard_at
        self._timeout = timeout
        self._watched = np.zeros(len(heard_at), np.bool_)
        self._stopped = np.zeros(len(heard_at), np.bool_)
        self._next_check = 0.0

    def watch(self, lane: int, now: float, *, receives: bool) -> None:
        """Start or stop to watch a lane; its time without RTP counts from the start at the earliest."""
        if receives and not self._watched[lane]:
            self._heard_at[lane] = now
        self._watched[lane] = receives
        if not receives:
            self._stopped[lane] = False

    def check(self, now: float, events: list[MediaEvent]) -> None:
        """Append what stopped or resumed; does its work four times a second."""
        if now < self._next_check:
            return
        self._next_check = now + _CHECK_INTERVAL
        silent = self._watched & (now - self._heard_at >= self._timeout)
        for lane in np.flatnonzero(silent != self._stopped).tolist():
            self._stopped[lane] = silent[lane]
            if silent[lane]:
                events.append(RtpStopped(lane, float(now - self._heard_at[lane])))
            else:
                events.append(RtpResumed(lane))
