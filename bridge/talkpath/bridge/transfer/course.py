"""One transfer on its way: the table's state, the attempts that are left, and the reason so far.

Pure. The performer asks `Transfer.happen` for effects, and `Transfer.choose` when the effect is
`Effect.CHOOSE`; everything else that it needs to know stands in the attributes.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Final

from talkpath.bridge.transfer.machine import step, timeout
from talkpath.bridge.transfer.reasons import reason_of
from talkpath.bridge.transfer.vocabulary import FINAL, Effect, Event, Reason, State

if TYPE_CHECKING:
    from talkpath.bridge.transfer.account import Account
    from talkpath.bridge.transfer.targets import Attempt, Mode, Selection

_NEXT: Final[dict[Mode, Event]] = {
    "warm": Event.NEXT_WARM,
    "bridge": Event.NEXT_BRIDGE,
    "blind": Event.NEXT_BLIND,
}


class Transfer:
    """From the request to one of the three ends.

    Args:
        selection: What is to be tried.
        account: Keeps what is told about it.
        briefing_timeout: Seconds in which the human decides; None: the table's own.

    Attributes:
        state: Where it is.
        target: Name of the target.
        attempt: What is being tried, or was tried last.
        account: What is told about it.
        reason: Why it is where it is; final once `over`.
    """

    def __init__(
        self, selection: Selection, account: Account, *, briefing_timeout: float | None = None
    ) -> None:
        self.state = State.ASKED
        self.target = selection.target
        self.account = account
        self.attempt: Attempt | None = None
        self.reason: Reason = selection.reason or Reason.UNREACHABLE
        self._left = collections.deque(selection.attempts)
        self._briefing_timeout = briefing_timeout

    @property
    def over(self) -> bool:
        """Whether the transfer has ended: in `State.TRANSFERRED`, `RETURNED` or `CALLER_GONE`."""
        return self.state in FINAL

    @property
    def timeout(self) -> float | None:
        """Longest stay in the present state, in seconds; None: no limit. It begins when the state changes."""
        return timeout(self.state, self._briefing_timeout)

    def happen(self, event: Event, status: int = 0) -> tuple[Effect, ...]:
        """Take one step; returns what is to be done, in order.

        Args:
            event: What happened.
            status: The SIP status that came with it, if one did.

        Raises:
            IllegalEventError: the event has no meaning in this state: the performer has a bug.
        """
        before = self.state
        self.state, effects = step(before, event)
        self.reason = reason_of(before, event, status) or self.reason
        self.account.happened(event, self.state, self.reason, status)
        return effects

    def choose(self) -> Event:
        """Take the next attempt; the event says what it is and is to be given to `happen`."""
        if not self._left:
            return Event.NONE_LEFT
        self.attempt = self._left.popleft()
        self.account.tries(self.attempt)
        if self.attempt.announcement is not None:
            return Event.NEXT_ANNOUNCEMENT
        return _NEXT[self.attempt.mode]
