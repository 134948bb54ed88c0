"""When a message is tried again, and when it is given up. Pure: time and chance are arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from .payload import Payload

FIRST_WAIT: Final = 2.0
LONGEST_WAIT: Final = 600.0
"""Seconds between two attempts: the first pause, doubled each time, and the longest."""
GONE: Final = 410
"""HTTP status with which an address says that it wants nothing more (Standard Webhooks)."""

Verdict = Literal["delivered", "again", "expired", "gone"]


@dataclass(slots=True)
class Message:
    """A message on its way.

    Attributes:
        id: Stays the same in every attempt: the receiver tells repetitions by it.
        born: When it was queued.
        due: When it is to be tried.
        attempts: How often it has been tried.
    """

    id: str
    payload: Payload
    born: float
    due: float
    attempts: int = 0

    def __lt__(self, other: Message) -> bool:
        """Which one is due first."""
        return self.due < other.due


def judge(
    message: Message,
    status: int | None,
    retry_after: float,
    *,
    now: float,
    chance: float,
    give_up_after: float,
) -> Verdict:
    """Decide what becomes of a message after an attempt; sets when it is due again.

    Args:
        message: The one that was tried.
        status: HTTP status of the answer; None: there was none.
        retry_after: Seconds that the receiver asks to wait; 0: it does not say.
        now: Monotonic seconds.
        chance: 0 to 1, spreads the attempts of many messages.
        give_up_after: Seconds after which it is given up.
    """
    message.attempts += 1
    if status is not None and 200 <= status < 300:
        return "delivered"
    if status == GONE:
        return "gone"
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(message.attempts - 1, 16)) * (0.5 + chance)
    message.due = now + max(wait, min(retry_after, LONGEST_WAIT))
    return "expired" if message.due - message.born > give_up_after else "again"


def seconds_of(retry_after: str | None) -> float:
    """Seconds of a Retry-After header; 0 for none, or for a date, which few send."""
    text = (retry_after or "").strip()
    return float(text[:6]) if text.isascii() and text.isdigit() else 0.0
