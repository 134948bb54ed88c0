"""Messages about callers whom a blind transfer has given away: part of `talkpath.sip.messages`.

A peer that takes a REFER has the caller from then on. When nobody takes the call there, it may bring the
caller back with a new call, to whichever worker has room. So the workers tell the supervisor whom they have
given away, and it hands what they knew to the worker that gets the new call. None of it is forwarded to the
SIP process, and all of it is private.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from talkpath.sip.settings import Message, Secret

HandoverEnd = Literal["taken", "lost", "back"]
"""``taken``: the peer reports that somebody took the call. ``lost``: it reports a failure, or nothing, and
has not given the caller back. ``back``: the caller is with the agent again, or another way is tried."""


class Handover(Message, frozen=True):
    """Worker to supervisor: the peer is asked to take this caller away."""

    call: str
    trunk: str
    caller: Secret
    """Number or user name, as From of the next call will have it."""
    target: str
    record: Secret
    """What was said, for the agent of the next call: some lines."""
    remember: float
    """Seconds from the end of the transfer within which a new call of that caller is taken for the same."""


class HandoverEnded(Message, frozen=True):
    """Worker to supervisor: what became of it. May come again, when the peer reports late."""

    call: str
    end: HandoverEnd


class Comeback(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about the caller of a new call, who had been given away a moment ago."""

    call: str
    """Our id of the call before."""
    target: str
    taken: bool
    """The peer has reported that somebody took that call."""
    record: Secret
