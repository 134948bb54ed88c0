"""Names of a call's trace and of its outermost span, made from our id of the call. Pure.

So a function of an agent can name its parent (`traceparent`) while the call goes on, although spans are
written when it is over.
"""

from __future__ import annotations

import hashlib


def trace_id(call: str) -> int:
    """128 bits that name the trace of a call; never 0."""
    return int.from_bytes(_digest(call)[:16], "big") or 1


def span_id(call: str) -> int:
    """64 bits that name the span of the call itself; never 0."""
    return int.from_bytes(_digest(call)[16:24], "big") or 1


def traceparent(call: str) -> str:
    """The header of W3C Trace Context, level 1, for requests made on behalf of a call."""
    return f"00-{trace_id(call):032x}-{span_id(call):016x}-01"


def _digest(call: str) -> bytes:
    return hashlib.sha256(f"talkpath trace of {call}".encode()).digest()
