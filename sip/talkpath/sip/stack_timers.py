"""When the stack has to be given time next, although nothing came from the network.

The stack keeps its timers (retransmissions, registrations, session timers) in one heap of its own.
"""

from __future__ import annotations

import ctypes

from talkpath.sip._pj import PJ_SUCCESS, library


class _TimeValue(ctypes.Structure):
    """``pj_time_val``."""

    _fields_ = (("seconds", ctypes.c_long), ("milliseconds", ctypes.c_long))


class StackTimers:
    """The timers of the running stack; make it after the stack was created."""

    def __init__(self) -> None:
        self._library = library()
        self._heap = self._library.pjsip_endpt_get_timer_heap(self._library.pjsua_get_pjsip_endpt())
        self._due, self._now = _TimeValue(), _TimeValue()
        self._due_address = ctypes.addressof(self._due)
        self._now_address = ctypes.addressof(self._now)

    def wait(self, longest: float) -> float:
        """Seconds until the first timer is due, 0 if it is overdue, at most ``longest``."""
        if not self._library.pj_timer_heap_count(self._heap):
            return longest
        if self._library.pj_timer_heap_earliest_time(self._heap, self._due_address) != PJ_SUCCESS:
            return longest
        self._library.pj_gettickcount(self._now_address)
        return min(max(_seconds(self._due) - _seconds(self._now), 0.0), longest)


def _seconds(value: _TimeValue) -> float:
    return float(value.seconds) + float(value.milliseconds) / 1000
