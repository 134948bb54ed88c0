"""Tells the supervisor whom a blind transfer gives away, and what became of them: they may come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.bridge.transfer.vocabulary import Reason, State
from talkpath.bridge.transfer.welcome import farewell
from talkpath.sip import messages as m

if TYPE_CHECKING:
    from talkpath.bridge.call.transfer_terms import Lent
    from talkpath.bridge.transfer.briefing import Subject
    from talkpath.bridge.transfer.course import Transfer


class GivingAway:
    """The part of one transfer that outlives it.

    Args:
        subject: What is known about the call.
        lent: What the call lends.
        remember: Seconds within which the caller is recognised.
    """

    def __init__(self, subject: Subject, lent: Lent, remember: float) -> None:
        self._subject = subject
        self._lent = lent
        self._remember = remember
        self._open = False

    def begin(self, target: str) -> None:
        """The peer is asked to take the caller away, who may come back from now on."""
        if not self._remember:
            return
        self._open = True
        self._lent.services.send(
            m.Handover(
                call=self._lent.call,
                trunk=self._lent.peer.trunk,
                caller=m.Secret(self._subject.caller),
                target=target,
                record=m.Secret(farewell(self._subject)),
                remember=self._remember,
            )
        )

    def refused(self) -> None:
        """The peer does not take the caller: another way is tried."""
        self._tell("back")

    def end(self, course: Transfer, *, kept: bool) -> None:
        """The transfer is over, or the call ends in the middle of it.

        Args:
            course: Where the transfer is.
            kept: The peer may have taken the caller away although it reports a failure.
        """
        blind = course.attempt is not None and course.attempt.mode == "blind"
        if not blind or (course.state is State.RETURNED and not kept):
            self._tell("back")
        else:
            self._tell("taken" if course.reason is Reason.REFERRED else "lost")

    def _tell(self, end: m.HandoverEnd) -> None:
        if self._open:
            self._open = False
            self._lent.services.send(m.HandoverEnded(call=self._lent.call, end=end))
